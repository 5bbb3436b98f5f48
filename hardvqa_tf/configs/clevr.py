from hardvqa_tf.configs import base


def get_config():
    config = base.get_config()
    config.dataset = "clevr"
    config.records_dir = "data/clevr"
    config.image_size = (128, 128)  # a grid of 8x8 cells
    config.model.question_lstm.reverse = True
    config.model.fusion.units = (256, 256)
    config.model.relation.units = (256, 256, 256, 256)
    config.model.classifier.dropout = 0.5
    config.train.batch_size = 64
    config.train.schedule = "slow_start"
    config.train.start_rate = 5e-6
    config.train.learning_rate = 5e-4
    config.train.weight_decay = 1e-4
    config.train.clip_norm = 50.0
    config.train.epochs = 500
    return config
