"""Which devices, and which machines, a run uses."""

import os

import tensorflow as tf

from records import strict_json


def make_strategy(num_virtual_devices=None):
    """Returns the strategy over what devices there are. Must come before TensorFlow uses one.

    Args:
      num_virtual_devices: split the CPU into this many devices and use those instead; how the
        tests train on several devices.

    Returns:
      `MultiWorkerMirroredStrategy` where the environment's TF_CONFIG names several machines (it
      waits for all of them), `MirroredStrategy` over several devices of one, and TensorFlow's
      default strategy for a single device.

    Raises:
      ValueError: if TF_CONFIG cannot be read, or asks for what is not supported; if the CPU has
        been split otherwise already.
    """
    if num_hosts() > 1:
        if num_virtual_devices:
            raise ValueError(
                "Several machines use the devices that they have. Received: "
                f"num_virtual_devices={num_virtual_devices}, and a TF_CONFIG of several "
                "machines. Leave out one of the two."
            )
        return tf.distribute.MultiWorkerMirroredStrategy()
    if num_virtual_devices:
        return _over_virtual_devices(num_virtual_devices)
    gpus = tf.config.list_logical_devices("GPU")
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()


def num_hosts():
    """Machines that train together, as the environment's TF_CONFIG says; 1 without it.

    Raises:
      ValueError: see `make_strategy`.
    """
    return sum(len(addresses) for addresses in _tf_config()["cluster"].values()) or 1


def is_chief():
    """True on the one machine that writes the run's files: the chief, or else worker 0."""
    cluster, task = _tf_config()["cluster"], _tf_config()["task"]
    if num_hosts() == 1:
        return True
    if "chief" in cluster:
        return task["type"] == "chief"
    return task["index"] == 0


def _tf_config():
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return {"cluster": {}, "task": {}}
    expected = (
        'Expected: {"cluster": {"worker": ["host0:port", "host1:port", ...]}, "task": {"type": '
        '"worker", "index": 0}}, the index another on each machine (docs/training.md). '
        "Correct the environment variable TF_CONFIG, or unset it to train on one machine."
    )
    try:
        found = strict_json.loads(text)
        cluster, task = found.get("cluster", {}), found.get("task", {})
        others = sorted({*cluster} - {"chief", "worker"})
        here = cluster[task["type"]][task["index"]] if cluster and not others else None
    except (ValueError, AttributeError, TypeError, KeyError, IndexError):
        raise ValueError(
            f"TF_CONFIG cannot be read. Received: {text[:300]}. {expected}"
        ) from None
    if others:
        raise ValueError(
            "TF_CONFIG asks for tasks that this program does not have: machines train as "
            f"equals. Received: {', '.join(others)}. {expected}"
        )
    return {"cluster": cluster, "task": task, "address": here}


def _over_virtual_devices(number):
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        parts = [tf.config.LogicalDeviceConfiguration() for _ in range(number)]
        tf.config.set_logical_device_configuration(cpu, parts)
    except RuntimeError:
        pass  # TensorFlow has started; fine if it started with as many devices.
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    if len(devices) != number:
        raise ValueError(
            f"The CPU is already split into {len(devices)} devices. Received: "
            f"num_virtual_devices={number}. Ask for them before TensorFlow uses a device."
        )
    # The default all-reduce fails here when a second model of other shapes follows in the same
    # process ("Shape mismatch in the collective instance", TensorFlow 2.21).
    reduction = tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy(devices, cross_device_ops=reduction)
