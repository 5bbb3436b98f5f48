"""What a localizer's run keeps beside its weights: the classes that training shows, and others.

Their numbers are those of the contrast, and tell seen queries from unseen ones.
"""

import dataclasses

from hardvqa_tf.localize.drawings import read_store


@dataclasses.dataclass(frozen=True)
class Classes:
    """Names of classes: `seen` in training, sorted; `unseen` ones of all other splits."""

    seen: list
    unseen: list

    @classmethod
    def from_records(cls, config):
        """Of the drawings in a store.

        Raises:
          ValueError: if there is no store, or the split that is learned from has no drawings.
        """
        stored = read_store(config.records_dir)
        seen = stored.classes(config.train.split)
        if not seen:
            raise ValueError(
                f"The split {config.train.split!r} has no drawings in {config.records_dir}. "
                f"Received: train.split={config.train.split!r}. There are drawings of: "
                f"{', '.join(sorted(set(stored.splits))) or 'none'}."
            )
        unseen = sorted(set(stored.class_names).difference(seen))
        return cls(seen, unseen)

    def to_json(self):
        return dataclasses.asdict(self)

    def group_of(self, name):
        return "seen" if name in self.seen else "unseen"
