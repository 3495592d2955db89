"""Libraries that Python and other crates both take are in the program once."""
# title: Python and -sys crates share their libraries
import sqlite3
import ssl
import zlib

mine = globals().get("linked", (zlib.ZLIB_RUNTIME_VERSION, sqlite3.sqlite_version, ssl.OPENSSL_VERSION_INFO[0], True))
print(mine[0] == zlib.ZLIB_RUNTIME_VERSION, mine[1] == sqlite3.sqlite_version)
print(mine[2] == ssl.OPENSSL_VERSION_INFO[0], mine[3])
