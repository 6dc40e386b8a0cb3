"""All tables of a node: records, index, answers, participations, what every process has."""

from holder import store as holder
from node.answering import store as answering
from node.index import store as index
from node.records import store as records
from runtime.storage.store import MetaData, whole


def node_metadata() -> MetaData:
    """Return every table of a node process, as new objects."""
    return whole(records.METADATA, index.METADATA, answering.METADATA, holder.METADATA)
