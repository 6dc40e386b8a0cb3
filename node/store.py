"""All tables of a node: records, index, answers, participations, what every process has."""

from sqlalchemy import MetaData

from holder import store as holder
from node.answering import store as answering
from node.index import store as index
from node.records import store as records
from runtime.storage.store import include


def node_metadata() -> MetaData:
    """Return every table of a node process, as new objects."""
    metadata = MetaData()
    for part in (records, index, answering, holder):
        for table in part.METADATA.sorted_tables:
            table.to_metadata(metadata)
    return include(metadata)
