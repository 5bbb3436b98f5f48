"""Where the official files of VQA and COCO, and COCO's images, lie: plain, gzipped, or zipped.

    <name>.json, <name>.json.gz, or any .zip in the folder that holds <name>.json
    train2014/COCO_train2014_000000000009.jpg ...    or images/train2014/, or train2014.zip
    train2017/000000000009.jpg ...                   likewise

COCO's own JSON files may lie in the folder annotations/, too. A COCO split may be spread over
several of these places, e.g. half unpacked.
"""

import errno
import functools
import gzip
import os
import zipfile
import zlib

from records.source import BuildError, fingerprint, list_files, parse_json, read_bytes

COCO_SPLITS = ("train2014", "val2014", "test2015", "train2017", "val2017")
COCO_ORIGIN = "https://cocodataset.org/#download"
# What the readers of zip and gzip raise for damaged bytes, and for packing unknown to them.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class OfficialFiles:
    """A folder of JSON files and images, however they are packed.

    Args:
      root: the folder.
      folders: in it, where JSON files may lie, too; they end in "/".
    """

    def __init__(self, root, folders=()):
        self._root, self._folders = root, ("", *folders)

    def find(self, name):
        """Returns (file, its member or None) for a JSON file; None where it is nowhere."""
        for folder in self._folders:
            for path in (folder + name, folder + name + ".gz"):
                if os.path.isfile(os.path.join(self._root, path)):
                    return path, None
        return self._zipped.get(name)

    def read_json(self, name, object_hook=None):
        """Returns the content of a JSON file that `find` finds."""
        path, member = self.find(name)
        shown = f"{path}/{member}" if member else path
        try:
            data = self._read(path, member)
        except (gzip.BadGzipFile, *_DAMAGE) as error:
            raise BuildError(
                f"{shown}: cannot be unpacked ({error}). The file may be cut off or edited: "
                "download it again."
            ) from None
        return parse_json(data, shown, object_hook)

    def fingerprint(self, names, images):
        """Returns a fingerprint of JSON files, by name, and of {COCO split: `CocoImages`}."""
        contents = {self.find(name)[0] for name in names}
        sizes = [size for of_split in images.values() for size in of_split.sizes]
        return fingerprint(self._root, contents, sizes)

    def images(self, coco_split):
        """Returns the `CocoImages` of a split; empty where there are none."""
        return CocoImages(self._root, coco_split)

    def _read(self, path, member):
        path = os.path.join(self._root, path)
        if member:
            with zipfile.ZipFile(path) as archive:
                return archive.read(member)
        data = read_bytes(path)
        return gzip.decompress(data) if path.endswith(".gz") else data

    @functools.cached_property
    def _zipped(self):
        """{name of a JSON file: (zip, member)}; images' zips, slow to open, are left out."""
        found = {}
        of_images = {f"{split}.zip" for split in COCO_SPLITS}
        for name in sorted(set(list_files(self._root)) - of_images):
            if name.endswith(".zip"):
                for member in _members(os.path.join(self._root, name), name):
                    found.setdefault(os.path.basename(member), (name, member))
        return found


class CocoImages:
    """The images of one COCO split, by their file names.

    Args:
      root: the folder that holds the split's folder or zip.
      coco_split: one of COCO_SPLITS.
    """

    def __init__(self, root, coco_split):
        self._root = root
        self._places = {}  # file name → (folder or zip, member or None); the first place wins
        self.sizes = []  # (file, bytes), for a fingerprint
        for place in (coco_split, f"images/{coco_split}"):
            self._add_folder(place, coco_split)
            self._add_zip(f"{place}.zip", coco_split)

    def __len__(self):
        return len(self._places)

    def __contains__(self, filename):
        return filename in self._places

    def source(self, filename):
        """Returns where an image lies, relative to the root."""
        return f"{self._places[filename][0]}/{filename}"

    def load_image(self, filename):
        """Returns a picklable function that returns the image's bytes."""
        place, member = self._places[filename]
        path = os.path.join(self._root, place)
        if member:
            return functools.partial(read_member, path, member)
        return functools.partial(read_bytes, os.path.join(path, filename))

    def _add_folder(self, place, coco_split):
        folder = os.path.join(self._root, place)
        if os.path.isdir(folder):
            for name, size in list_files(folder).items():
                if _is_image(name, coco_split):
                    self._places.setdefault(name, (place, None))
                    self.sizes.append((f"{place}/{name}", size))

    def _add_zip(self, place, coco_split):
        path = os.path.join(self._root, place)
        if os.path.isfile(path):
            self.sizes.append((place, os.path.getsize(path)))
            for member in _members(path, place):
                name = os.path.basename(member)
                if _is_image(name, coco_split):
                    self._places.setdefault(name, (place, member))


def read_member(path, member):
    """Returns the bytes of one file in a zip, which each process opens once."""
    try:
        return _opened(path, os.stat(path).st_mtime_ns).read(member)
    except (KeyError, *_DAMAGE) as error:
        reason = f"{member} in {os.path.basename(path)} is damaged: {error}"
        raise OSError(errno.EIO, reason) from None


@functools.lru_cache(maxsize=8)
def _opened(path, modified):
    """`modified` is there for the cache: another file under the same name is opened anew."""
    return zipfile.ZipFile(path)


def _members(path, name):
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except zipfile.BadZipFile as error:
        raise BuildError(
            f"{name}: not a whole zip file ({error}). It may be cut off: download it again, or "
            "move it away if it does not belong here."
        ) from None


def _is_image(name, coco_split):
    prefix = "" if coco_split.endswith("2017") else f"COCO_{coco_split}_"
    return name.startswith(prefix) and name.endswith(".jpg")


def missing_images(coco_split):
    """Returns the line about images that are not there, for `require`."""
    prefix = "" if coco_split.endswith("2017") else f"COCO_{coco_split}_"
    return (
        f"{coco_split}/ with {prefix}000000000009.jpg and so on (or "
        f"images/{coco_split}/, or {coco_split}.zip), from {COCO_ORIGIN}"
    )


def missing_json(name, origin, packed_in=None):
    """Returns the line about a JSON file that is not there, for `require`."""
    packed = f", or {packed_in}" if packed_in else ", or in a .zip"
    return f"{name} (or {name}.gz{packed}), from {origin}"


def require(root, dataset, missing, hint=""):
    """Raises if something is missing, and lists all of it; `missing` holds lines."""
    if missing:
        raise BuildError(
            f"Data set {dataset!r} in {root} lacks:\n  " + "\n  ".join(missing) + "\n"
            f"Put them into that folder; zips may stay zipped.{hint}"
        )
