"""The user's own data files: benchmark tables that were added to a folder, with checksums."""

from zc_plugins.data._folders import file_in, folders
from zc_plugins.data._format import FORMATS
from zc_plugins.data._index import Record, recorded
from zc_plugins.data.add import add
from zc_plugins.data.verify import verify

__all__ = ["FORMATS", "Record", "add", "file_in", "folders", "recorded", "verify"]
