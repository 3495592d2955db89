"""Fetches the one wheel that a requirements file names, with its digest, and takes one file out of it.

python3 fetch_wheel.py SHARE REQUIREMENTS FOLDER MEMBER NAME

Runs pip from the wheel in SHARE/python-wheels, so that pip's own configuration says which index is asked. Debian's pip
wants the CA bundle that a maintainer script would have made: it gets the one that PIP_CERT names, else one of the
certificates in SHARE/ca-certificates. The file MEMBER of the wheel comes out as FOLDER/NAME.
"""

import glob
import os
import runpy
import sys
import zipfile

share, requirements, folder, member, library = sys.argv[1:6]
sys.path.insert(0, glob.glob(os.path.join(share, 'python-wheels/pip-*.whl'))[0])
bundle = os.environ.get('PIP_CERT')
if bundle is None:
    bundle = os.path.join(folder, 'ca.pem')
    with open(bundle, 'w') as out:
        for name in sorted(glob.glob(os.path.join(share, 'ca-certificates/mozilla/*.crt'))):
            with open(name) as certificate:
                out.write(certificate.read())
from pip._vendor import certifi  # noqa: E402

certifi.where = certifi.core.where = lambda: bundle
sys.argv[:] = ['pip', 'download', '--require-hashes', '--no-deps', '--only-binary', ':all:', '--dest', folder,
               '--requirement', requirements]
try:
    runpy.run_module('pip', run_name='__main__', alter_sys=True)
except SystemExit as done:
    if done.code:
        raise
[wheel] = glob.glob(os.path.join(folder, '*.whl'))
with zipfile.ZipFile(wheel) as archive, open(os.path.join(folder, library), 'wb') as out:
    out.write(archive.read(member))
