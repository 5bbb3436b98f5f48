"""A server for exported models that speaks TensorFlow Serving's REST protocol.

One request's way:

    app.py        its path, its body within limits
    protocol.py   JSON to one array per input of the signature
    checks.py     is each row an image and a question?
    batching.py   rows of several requests wait together and run as one batch
    protocol.py   arrays to JSON

Beside it: folders.py and registry.py find models and load new versions of them, models.py and
signatures.py are one loaded version, measures.py counts, openapi.py describes, serve.py starts.
"""
