// The scan of the viewer in three dimensions, where the page carries NiiVue; nothing is made before it is asked for.
(() => {
  const solid = document.getElementById("solid");
  if (!solid) return;
  const part = (name) => document.getElementById("solid-" + name);
  let [shown, view, drawing] = [null, null, Promise.resolve()];

  // NIfTI-1 of one byte or of four bytes (red, green, blue, opacity) a voxel; voxels are in the order x, y, z of RAS.
  const nifti = ({ dims, spacing_mm: spacing }, voxels, datatype, bits) => {
    const file = new Uint8Array(352 + voxels.length);
    const header = new DataView(file.buffer);
    const short = (at, ...values) => values.forEach((value, place) => header.setInt16(at + 2 * place, value, true));
    const float = (at, ...values) => values.forEach((value, place) => header.setFloat32(at + 4 * place, value, true));
    header.setInt32(0, 348, true);
    short(40, 3, ...dims, 1, 1, 1, 1);
    short(70, datatype, bits);
    float(76, 1, ...spacing);
    float(108, 352, 1, 0);
    header.setUint8(123, 2);
    short(252, 0, 1);
    const middle = dims.map((voxels, axis) => (-spacing[axis] * (voxels - 1)) / 2);
    float(280, spacing[0], 0, 0, middle[0], 0, spacing[1], 0, middle[1], 0, 0, spacing[2], middle[2]);
    file.set([110, 43, 49, 0], 344);
    file.set(voxels, 352);
    return file.buffer;
  };
  const labels = () => {
    const colourOf = shown.colours(part("labels").value);
    const voxels = new Uint8Array(4 * shown.scan.image.length);
    for (let place = 0; place < shown.scan.image.length; place++) {
      const colour = colourOf(place);
      if (colour) voxels.set([...colour, 255], 4 * place);
    }
    return voxels;
  };
  const image = (name, voxels, datatype, bits) =>
    niivue.NVImage.loadFromUrl({ url: name, name, buffer: nifti(shown.scan, voxels, datatype, bits) });
  const opacity = () => Number(part("image").value) / 100;
  const draw = async () => {
    if (!solid.open || !shown) return;
    part("state").textContent = "Drawing …";
    if (!view) {
      view = new niivue.Niivue({ backColor: [0, 0, 0, 1], show3Dcrosshair: false, isOrientCube: true, loadingText: "" });
      await view.attachToCanvas(part("canvas"));
      view.setSliceType(view.sliceTypeRender);
    }
    while (view.volumes.length) view.removeVolume(view.volumes[0]);
    view.addVolume(await image("scan.nii", shown.scan.image, 2, 8));
    view.addVolume(await image("labels.nii", labels(), 2304, 32));
    view.setOpacity(0, opacity());
    part("state").textContent = "";
  };
  // One after the other: a scan that is chosen while another is drawn waits.
  const redraw = () => {
    drawing = drawing.then(draw).catch((error) => { part("state").textContent = `It cannot be drawn: ${error.message}.`; });
  };
  document.getElementById("viewer").addEventListener("shown", (event) => { shown = event.detail; redraw(); });
  solid.addEventListener("toggle", redraw);
  part("labels").addEventListener("change", redraw);
  part("image").addEventListener("input", () => { if (view?.volumes.length) view.setOpacity(0, opacity()); });
})();
