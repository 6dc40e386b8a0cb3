"""Bounds of everything that arrives. One place, so that a reader can see all of them.

Source: design.md 3.5.
"""

MAX_DOCUMENT_BYTES = 64 * 1024
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
MAX_POLICY_BYTES = 256 * 1024
MAX_SETTINGS_BYTES = 64 * 1024
MAX_OFFICES = 2_000
MAX_FEDERATION_BYTES = 8 * 1024 * 1024
# Keys, tables and list items. A federation file has at most 20,000 persons of 8 keys.
MAX_TOML_VALUES = 8_192
MAX_FEDERATION_VALUES = 300_000
MAX_MEMBERS = 32
MAX_DEPARTMENTS = 64
MAX_RESOURCES = 64
MAX_REQUESTERS = 16
MAX_PROGRAMMES = 16
MAX_BATCH = 512
# A page stays below a document's bound (35 bytes an id), all pages below half a message's.
MAX_REVOKED_A_PAGE = 1_600
MAX_REVOCATION_PAGES = 32
MAX_NAME = 64
MAX_TEXT = 400
SALT_BYTES = 32
DIGEST_BYTES = 32
