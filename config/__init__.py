"""YAML to frozen, checked values.

Every setting has its type, its default and one sentence in one place, the models of this room; the loader,
the checker, the reference page, the example and the JSON schema for editors are all made from them. This
room imports nothing of ours.
"""
