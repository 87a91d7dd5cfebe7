/* Search in a folder of files: from file:// browsers start no worker, so its
 * script runs in a frame of the page. Elsewhere this does nothing. */
if (location.protocol === 'file:') {
  window.IFrameWorker = class extends EventTarget {
    constructor(address) {
      super()
      this.frame = document.createElement('iframe')
      this.frame.hidden = true
      document.documentElement.append(this.frame)
      const inside = this.frame.contentWindow
      inside.postMessage = data =>
        this.dispatchEvent(new MessageEvent('message', { data }))
      const script = inside.document.createElement('script')
      script.src = address
      this.ready = new Promise(resolve => { script.onload = resolve })
      inside.document.head.append(script)
    }

    postMessage(data) {
      this.ready.then(() => this.frame.contentWindow.dispatchEvent(
        new MessageEvent('message', { data })))
    }
  }
  window.Worker = window.IFrameWorker
}
