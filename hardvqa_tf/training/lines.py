"""The lines that training reports: what is about to be trained, and how an epoch went."""


def describe_run(model_in_words, num_parameters, data, num_devices, epoch, step):
    """One line on what is about to be trained, on what.

    Args:
      model_in_words: from the task's `describe_model`.
      num_parameters: of the model.
      data: the batches of the train split.
      num_devices: over all machines.
      epoch, step: epochs, and steps of the next one, that are done already.
    """
    steps = data.steps_per_epoch
    return (
        f"{model_in_words}, {num_parameters:,} parameters; {data.contents}; "
        f"{steps:,} step{'s' * (steps != 1)} an epoch of {data.batch_contents} on "
        f"{num_devices} device{'s' if num_devices > 1 else ''}"
        + (f"; going on after epoch {epoch}" if epoch or step else "")
        + (f" and {step:,} steps" if step else "")
    )


def format_epoch(metrics, epochs, items, of_task):
    """One line for an epoch's metrics.

    Args:
      metrics: dict, as metrics.jsonl has it.
      epochs: of the whole run.
      items: what the speed counts, in the plural.
      of_task: from the task's `format_metrics`.
    """
    parts = [
        f"epoch {metrics['epoch']}/{epochs}",
        f"loss {metrics['train/loss']:.3f}",
        *of_task,
        f"{metrics[f'{items}_per_second']:,.0f} {items}/s",
        f"waited for input {100 * metrics['input_wait']:.1f} %",
        f"{metrics['seconds']:.0f} s",
    ]
    return " | ".join(parts)
