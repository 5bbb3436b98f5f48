"""Which devices a run uses."""

import tensorflow as tf


def make_strategy(num_virtual_devices=None):
    """Returns the strategy over what devices this machine has.

    Args:
      num_virtual_devices: split the CPU into this many devices and use those instead; how the
        tests train on several devices. Must come before TensorFlow first uses a device.

    Returns:
      `MirroredStrategy` over several devices, TensorFlow's default strategy for a single one.

    Raises:
      ValueError: if the CPU has been split otherwise already.
    """
    if num_virtual_devices:
        return _over_virtual_devices(num_virtual_devices)
    gpus = tf.config.list_logical_devices("GPU")
    return tf.distribute.MirroredStrategy() if len(gpus) > 1 else tf.distribute.get_strategy()


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
