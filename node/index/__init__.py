"""The index pseudonym -> local key, and the enrolment that fills it."""
