"""A real browser without a screen, driven over a pipe: no driver, no port."""
import base64
import fcntl
import json
import os
import shutil
import subprocess

EXECUTABLE = next((path for name in (
    'chromium', 'chromium-browser', 'google-chrome', 'chrome')
    for path in [shutil.which(name)] if path), None)
FLAGS = ('--headless', '--no-sandbox', '--disable-gpu', '--no-first-run',
         '--disable-quic', '--disable-component-update', '--disable-sync',
         '--disable-background-networking', '--disable-dev-shm-usage',
         '--disable-extensions', '--host-resolver-rules=MAP * ~NOTFOUND')
KEYS = {'Tab': 9, 'Enter': 13, 'Escape': 27, 'ArrowLeft': 37,
        'ArrowRight': 39, 'ArrowDown': 40}


class Browser:
    """One page of a browser, offline.

    Args:
        profile (Path): Folder of its own.
    """

    def __init__(self, profile):
        (there, self._write), (self._read, back) = os.pipe(), os.pipe()
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (there, back)]
        self._process = subprocess.Popen(
            [EXECUTABLE, *FLAGS, '--remote-debugging-pipe',
             f'--user-data-dir={profile}', 'about:blank'], pass_fds=(3, 4),
            # It reads from 3 and writes to 4.
            preexec_fn=lambda: [os.dup2(end, place) for end, place in
                                zip(ends, (3, 4))],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for end in (there, back, *ends):
            os.close(end)
        self._buffer, self._number, self._session = b'', 0, None
        self.errors = []
        target = next(t for t in self.call('Target.getTargets')['targetInfos']
                      if t['type'] == 'page')
        self._session = self.call(
            'Target.attachToTarget', targetId=target['targetId'],
            flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Network'):
            self.call(f'{domain}.enable')
        self.requests = []

    def close(self):
        self._process.terminate()
        self._process.wait(30)
        os.close(self._write)
        os.close(self._read)

    def call(self, method, **params):
        """What a method of the DevTools protocol returns."""
        self._number += 1
        message = dict(id=self._number, method=method, params=params)
        if self._session:
            message['sessionId'] = self._session
        os.write(self._write, json.dumps(message).encode() + b'\0')
        while True:
            answer = self._next()
            if answer.get('id') == self._number:
                assert 'error' not in answer, (method, answer['error'])
                return answer['result']

    def _next(self):
        while b'\0' not in self._buffer:
            piece = os.read(self._read, 1 << 20)
            assert piece, 'the browser is gone'
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b'\0')
        message = json.loads(line)
        if message.get('method') == 'Runtime.exceptionThrown':
            self.errors.append(message['params']['exceptionDetails'])
        if message.get('method') == 'Network.requestWillBeSent':
            self.requests.append(message['params']['request']['url'])
        return message

    def open(self, path, width=1280, height=900, dark=False):
        """Show a file in a window of so many pixels."""
        self.resize(width, height)
        self.call('Emulation.setEmulatedMedia', features=[
            dict(name='prefers-color-scheme',
                 value='dark' if dark else 'light')])
        self.call('Page.navigate', url=path.as_uri())
        while self._next().get('method') != 'Page.loadEventFired':
            pass

    def resize(self, width, height=900):
        self.call('Emulation.setDeviceMetricsOverride', width=width,
                  height=height, deviceScaleFactor=1, mobile=False)

    def run(self, script):
        """The value of an expression, or what it promises."""
        found = self.call('Runtime.evaluate', expression=script,
                          returnByValue=True, awaitPromise=True)
        assert 'exceptionDetails' not in found, found['exceptionDetails']
        return found['result'].get('value')

    def press(self, *keys):
        for key in keys:
            known = dict(key=key, code=key, windowsVirtualKeyCode=KEYS[key])
            text = dict(text='\r') if key == 'Enter' else {}
            self.call('Input.dispatchKeyEvent', type='keyDown', **known,
                      **text)
            self.call('Input.dispatchKeyEvent', type='keyUp', **known)

    def screenshot(self, path, whole=True):
        found = self.call('Page.captureScreenshot', format='png',
                          captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found['data']))

    def pdf(self, path):
        found = self.call('Page.printToPDF', preferCSSPageSize=True,
                          paperWidth=8.27, paperHeight=11.69)
        path.write_bytes(base64.b64decode(found['data']))
