import hashlib

from hardvqa_tf.serving.images import ImageMemory


def key(encoded):
    return hashlib.sha256(encoded).hexdigest()


def test_what_was_not_used_longest_goes_first():
    memory = ImageMemory(10)
    for encoded in (b"aaaa", b"bbbb"):
        memory.add(encoded)
    assert memory.find(key(b"aaaa").upper()) == b"aaaa"
    memory.add(b"ccc")  # 11 bytes: b was used least recently
    assert memory.find(key(b"bbbb")) is None
    assert memory.find(key(b"aaaa")) == b"aaaa" and memory.find(key(b"ccc")) == b"ccc"
    assert memory.num_bytes == 7 and len(memory) == 2


def test_the_same_image_is_kept_once_and_a_huge_one_not_at_all():
    memory = ImageMemory(10)
    memory.add(b"aaaa")
    memory.add(b"aaaa")
    memory.add(b"x" * 11)
    assert memory.num_bytes == 4 and memory.find(key(b"aaaa")) == b"aaaa"
