// A camera for a component's script, which follows in the same scope: chosen among those there are, refusals in words, and
// off as soon as its tab, its page or its window is left. `turned` is told whether it is on.
const REFUSED = {
  NotAllowedError: "The camera was not allowed. Allow it beside the page's address, then try again.",
  NotFoundError: "No camera was found. Connect one, then try again.",
  OverconstrainedError: "That camera is no longer there. Choose another one.",
  NotReadableError: "The camera is used by another program. Close it there, then try again.",
};

const openCamera = ({ video, which, say, shown, size, turned }) => {
  const left = new AbortController(); // the listeners on the page go when the component does
  let stream = null;
  let asked = 0; // the number of the last request for a camera: an earlier one that comes late is let go

  const stop = () => {
    asked += 1;
    if (stream) stream.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
    turned(false);
  };

  const list = async (current) => {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
    which.replaceChildren(
      ...cameras.map((device, place) => {
        const option = new Option(device.label || `Camera ${place + 1}`, device.deviceId);
        option.selected = device.deviceId === current;
        return option;
      }),
    );
    which.hidden = cameras.length < 2;
  };

  const start = async (device) => {
    if (!navigator.mediaDevices) {
      say("The browser gives the camera only to pages from https or localhost.");
      return;
    }
    stop();
    const mine = asked;
    const wanted = device ? { deviceId: { exact: device } } : {};
    let opened;
    try {
      opened = await navigator.mediaDevices.getUserMedia({ video: { ...size, ...wanted } });
    } catch (error) {
      say(REFUSED[error.name] || "The camera could not be started. Try again, or choose a file.");
      return;
    }
    if (mine !== asked || !shown() || document.hidden) {
      opened.getTracks().forEach((track) => track.stop());
      return;
    }
    say("");
    stream = opened;
    video.srcObject = stream;
    turned(true);
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => {
      stop();
      say("The camera was taken away.");
    });
    await list(track.getSettings().deviceId);
  };

  const onPage = (target, name, handler) =>
    target.addEventListener(name, () => (element.isConnected ? handler() : left.abort()), { signal: left.signal });
  which.addEventListener("change", () => start(which.value));
  new ResizeObserver(() => shown() || stop()).observe(element);
  onPage(document, "visibilitychange", () => document.hidden && stop());
  onPage(window, "pagehide", stop);
  if (navigator.mediaDevices)
    onPage(navigator.mediaDevices, "devicechange", () => stream && list(stream.getVideoTracks()[0].getSettings().deviceId));
  return { start, stop };
};
