"""The REST API: everything that the panel does, for programs, under `/api/v1`.

One table (`web.api.table`) says what there is: method, path, scope, what comes in and goes out, which status, and a
sentence. Routes, the OpenAPI document, the page for people and the tests are all made from it, so none of them
can know of an operation that another does not. What an operation does is a function of `web.acts`, as for pages:
the API adds the form (JSON, octets, RFC 3339) and no right.
"""
