"""Installs requirements with their digests into a folder, for a platform that need not be this machine's.

python3 install_packages.py WHEELS REQUIREMENTS FOLDER VERSION IMPLEMENTATION-ABI PLATFORM...

Runs pip from the wheel in WHEELS, so that pip's own configuration says which index is asked, and pip's own resolver
what fits. Only wheels are taken: nothing of a package is run. Without a PLATFORM only those for any. Debian's pip wants
the CA bundle that a maintainer script would have made: it gets the one that PIP_CERT names.
"""

import glob
import os
import runpy
import shutil
import sys

wheels, requirements, folder, version, abi, *platforms = sys.argv[1:]
sys.path.insert(0, glob.glob(os.path.join(wheels, 'pip-*.whl'))[0])
bundle = os.environ.get('PIP_CERT')
if bundle is not None:
    from pip._vendor import certifi

    certifi.where = certifi.core.where = lambda: bundle
sys.argv[:] = ['pip', 'install', '--require-hashes', '--only-binary', ':all:', '--no-compile', '--target', folder,
               '--python-version', version, '--implementation', 'cp', '--requirement', requirements,
               '--no-warn-script-location', '--progress-bar', 'off', '--root-user-action', 'ignore']
for name in [abi, 'abi3', 'none']:
    sys.argv += ['--abi', name]
for name in platforms or ['any']:
    sys.argv += ['--platform', name]
try:
    runpy.run_module('pip', run_name='__main__', alter_sys=True)
except SystemExit as done:
    if done.code:
        raise
# Programs of packages name this machine's interpreter.
shutil.rmtree(os.path.join(folder, 'bin'), ignore_errors=True)
