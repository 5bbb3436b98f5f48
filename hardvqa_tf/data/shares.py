"""How machines and devices share a batch; and one batch for all steps."""

import tensorflow as tf


class OneBatch:
    """The first batch of the first epoch, again and again: a model that works learns it.

    Args:
      data: the batches of a split.

    Has of their attributes those that training needs.
    """

    steps_per_epoch = 100

    def __init__(self, data):
        self._data = data
        self.batch_contents = data.batch_contents
        self.contents = f"one batch of {data.batch_contents}"

    def read_ahead(self):
        """Does nothing: a batch is soon read."""

    @property
    def batch_spec(self):
        return self._data.batch_spec

    def training_epoch(self, epoch, start_step=0, context=None):
        del epoch  # Also augmentation draws the same.
        replicas = 1
        if context:
            replicas = context.num_replicas_in_sync // context.num_input_pipelines
        batch = self._data.training_epoch(0, 0, context).take(replicas)
        return batch.cache().repeat(self.steps_per_epoch - start_step)


class Share:
    """Which rows of each batch go to this machine, and how its devices share them."""

    def __init__(self, context, batch_size):
        self.num_hosts = context.num_input_pipelines if context else 1
        num_replicas = context.num_replicas_in_sync if context else 1
        if batch_size % num_replicas:
            raise ValueError(
                f"Every device gets as many images of a batch. Received: {batch_size} images "
                f"for {num_replicas} devices. Set train.batch_size to a multiple of "
                f"{num_replicas}."
            )
        self.num_devices = num_replicas // self.num_hosts
        self.rows_of_host = batch_size // self.num_hosts
        self.first_row = (context.input_pipeline_id if context else 0) * self.rows_of_host

    def of_host(self, batch):
        end = self.first_row + self.rows_of_host
        return {name: value[self.first_row : end] for name, value in batch.items()}

    def by_device(self, batch):
        """[B, ...] -> [devices, B / devices, ...]"""
        return {
            name: tf.reshape(value, [self.num_devices, -1, *value.shape[1:]])
            for name, value in batch.items()
        }
