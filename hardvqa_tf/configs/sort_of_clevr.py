from hardvqa_tf.configs import base


def get_config():
    config = base.get_config()
    return config
