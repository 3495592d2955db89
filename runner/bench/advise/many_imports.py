"""A tool that imports much and does little."""
import argparse, ast, asyncio, collections, concurrent.futures, contextlib, copy, csv, dataclasses, datetime, decimal
import email.mime.text, enum, fractions, functools, glob, heapq, html, http.client, inspect, io, itertools, logging.config
import shutil, statistics, string, tempfile, textwrap, traceback, types, typing, unittest, urllib.request, uuid, xml.dom.minidom

print(textwrap.shorten("only a few words of a longer text", 20), statistics.mean([1, 2, 3]))
