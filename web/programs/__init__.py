"""What mail programs are told of this server: as a page, and in the forms in which they ask for it themselves.

One list of servers (`servers`) stands behind all: Thunderbird's autoconfig, Outlook's autodiscover, Apple's
configuration profiles, and the page for people. None of them says whether an address exists.
"""
