"""What can be done in the panel and by the API, one file a subject.

Each function takes the office and the person, first asks `web.person.allow`, then does its work in a store
thread, then writes a line into the audit log. Pages and API change nothing in any other way.
"""
