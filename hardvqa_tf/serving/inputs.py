"""Which inputs of a signature are known, and so checked: those of the model's task."""

from hardvqa_tf.tasks import TASKS, requests_of


def known_inputs(signature):
    """{name: `request_parts.inputs.Input`} of what is checked of a `signatures.Signature`.

    A model that does not say of each row what was wrong with it is not ours, and its inputs
    may mean anything. One of ours that does not say its task is of the one that knows most of
    its inputs.
    """
    if not signature.gives_status:
        return {}
    strings = {tensor.name for tensor in signature.inputs.values() if tensor.is_string}
    names = [signature.task] if signature.task in TASKS else TASKS
    tables = [requests_of(name).INPUTS for name in names]
    known = max(tables, key=lambda table: len(strings.intersection(table)))
    return {name: known[name] for name in known if name in strings}
