"""The panel's pages: HTML, one file a subject, each with its `routes`. What can be done stands in `web.acts`."""
