"""VQA-CP v2 on ResNet-101 maps: HAN with 25 of 100 cells, sum pooling.

    python main.py --mode=build --dataset=vqa_cp --source_dir=FOLDER
    python main.py --mode=build --dataset=vqa_cp --features
    python main.py --mode=train --dataset=vqa_cp

The settings of Malinowski et al. 2018 (arXiv 1808.00300) as far as they are known: maps of
10x10x2048, LSTM of 512, classifier 1024-2048-1000, Adam, batches of 128 questions. Ours,
because the paper's could not be read: word embeddings of 300, two fused layers of 512, the
learning rate and its schedule, 20 epochs, and that 4 questions share an image in a batch (one
each: --config.train.batch_size=128 --config.train.questions_per_image=1, which reads every map
four times as often). Other shares of cells: --config.model.han.num_cells=16, 32, 48.
For the evaluator of the paper's time: --mode=evaluate --split=test --evaluator=2018.

Not run on the full data here. It needs about 90 GB of disk for the maps (409,600 bytes for each
of some 219,000 images) and about 2 GB of memory for shuffling (4,096 maps).
"""

from hardvqa_tf.configs import base


def get_config():
    config = base.get_config()
    config.dataset = "vqa_cp"
    config.records_dir = "data/vqa_cp_resnet101"
    config.maps.image_records_dir = "data/vqa_cp"
    config.metric = "vqa"
    config.num_answers = 1000
    config.model.image_encoder = "features"
    config.model.question_lstm.embedding_dim = 300
    config.model.question_lstm.units = 512
    config.model.fusion.units = (512, 512)
    config.model.attention = "han"
    config.model.han.num_cells = 25
    config.model.aggregator = "sum"
    config.model.pairwise.units = 512
    config.model.soft.hidden_dim = 512
    config.model.classifier.units = (1024, 2048)
    config.train.epochs = 20
    config.train.batch_size = 32
    config.train.questions_per_image = 4
    config.train.learning_rate = 3e-4
    config.train.warmup_steps = 1000
    return config
