"""A server for exported models that speaks TensorFlow Serving's REST protocol.

One request's way:

    connections.py  its head and its time, within bounds
    gate.py         its token
    app.py          its path
    bodies.py       its body, within limits
    predict.py      all that follows, up to its answer
    protocol.py     JSON to one array per input of the signature
    inputs.py       the table of inputs of the model's task: is each row what it must be?
    rows.py         the rows that are good run, the others say why not
    batching.py     rows of several requests wait together and run as one batch
    response.py     arrays to JSON

Beside it: service.py is what the routes share, routes.py has those that only tell, answers.py
what all answer with; folders.py and registry.py find models and load new versions of them,
models.py and signatures.py are one loaded version, measures.py counts, openapi.py describes,
serve.py starts. What a model is asked with, its task says (`hardvqa_tf.tasks.requests_of`).
"""
