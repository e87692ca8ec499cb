"""The client of the SMTP tests, for mail that comes in by the door."""

from tests.unit.smtp.conftest import connect as connect
