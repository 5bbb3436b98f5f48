"""Which devices, and which machines, a run uses."""

import json
import os

import tensorflow as tf


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
    if _num_hosts_wanted() > 1:
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


def num_hosts(strategy):
    """Machines that train together."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return 1
    return sum(len(addresses) for addresses in resolver.cluster_spec().as_dict().values())


def is_chief(strategy):
    """True on the one machine that writes the run's files: the chief, or else worker 0."""
    if num_hosts(strategy) == 1:
        return True
    resolver = strategy.cluster_resolver
    has_chief = "chief" in resolver.cluster_spec().as_dict()
    return resolver.task_type == "chief" if has_chief else resolver.task_id == 0


def _num_hosts_wanted():
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return 1
    expected = (
        'Expected: {"cluster": {"worker": ["host0:port", "host1:port", ...]}, "task": {"type": '
        '"worker", "index": 0}}, the index another on each machine (docs/training.md). '
        "Correct the environment variable TF_CONFIG, or unset it to train on one machine."
    )
    try:
        cluster = json.loads(text).get("cluster", {})
        others = sorted(set(cluster) - {"chief", "worker"})
        number = sum(len(addresses) for addresses in cluster.values())
    except (ValueError, AttributeError, TypeError):
        raise ValueError(f"TF_CONFIG cannot be read. Received: {text}. {expected}") from None
    if others:
        raise ValueError(
            "TF_CONFIG asks for tasks that this program does not have: machines train as "
            f"equals. Received: {', '.join(others)}. {expected}"
        )
    return number


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
