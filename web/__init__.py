"""The HTTP door: what people and mail programs ask a browser's way.

Pages are plain HTML that needs no script and loads nothing from other hosts. Every text is in the catalogue
(`web.texts`), in Japanese and English. The application (`web.app`) knows nothing of sockets; `web.server` puts
it behind our listeners and certificates.
"""
