#!/usr/bin/env bash
# A CT scanner may tilt its gantry. dcm2niix then writes the series as it is and, beside it, a volume NAME_Tilt_1 whose
# slices it moved so that the axes are at right angles. For a tilt to one side a marker lies in NAME_Tilt_1 where the DICOM
# positions put it; for the same tilt to the other side it lies two centimetres away.
#
# Seen with dcm2niix 1.0.20260724, 24 slices of 3 mm tilted by 15 degrees: 0.05 mm off, and 18.15 mm off.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 nibabel==5.4.2 pydicom==3.0.2 dcm2niix==1.0.20260724
cd "$place"
"$place/venv/bin/python" - <<'PYTHON'
import os
import subprocess

import nibabel
import numpy
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


def write_series(folder, planes, places, down, tilt=None):
    """A CT series: one file per plane of pixels of 1 mm; rows run along x, columns along `down`."""
    os.makedirs(folder)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for number, (plane, place) in enumerate(zip(planes, places)):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
        file.SOPClassUID, file.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        file.StudyInstanceUID, file.SeriesInstanceUID, file.FrameOfReferenceUID = study, series, frame
        file.PatientName, file.PatientID, file.PatientBirthDate, file.PatientSex = "Phantom^", "1", "", ""
        file.StudyDate = file.SeriesDate = file.AcquisitionDate = file.ContentDate = "20240102"
        file.StudyTime = file.SeriesTime = file.AcquisitionTime = file.ContentTime = "101112"
        file.Modality, file.Manufacturer, file.PatientPosition = "CT", "GE MEDICAL SYSTEMS", "HFS"
        file.ImageType, file.SeriesDescription = ["ORIGINAL", "PRIMARY", "AXIAL"], "HEAD"
        file.SeriesNumber, file.AcquisitionNumber, file.InstanceNumber = 2, 1, number + 1
        file.Rows, file.Columns = plane.shape
        file.PixelSpacing, file.SliceThickness = [1, 1], 2
        file.ImageOrientationPatient = [1, 0, 0, *(float(n) for n in down)]
        file.ImagePositionPatient = [float(n) for n in place]
        if tilt is not None:
            file.GantryDetectorTilt = tilt
        file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
        file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 1
        file.RescaleSlope, file.RescaleIntercept, file.RescaleType = 1, 0, "HU"
        file.PixelData = plane.astype(numpy.int16).tobytes()
        file.save_as(f"{folder}/{number:03d}.dcm", enforce_file_format=True)


def convert(folder):
    """What dcm2niix makes of it, by name."""
    out = f"{folder}-nifti"
    os.makedirs(out)
    subprocess.run(["venv/bin/dcm2niix", "-b", "n", "-z", "n", "-f", "head", "-o", out, folder], check=True, capture_output=True)
    return {name.removesuffix(".nii"): nibabel.load(f"{out}/{name}") for name in sorted(os.listdir(out))}



# A ball at (0, 0, 36) mm in patient coordinates, filled in by each pixel's own position.
CENTRE = numpy.array([0.0, 0, 36])


def tilted(degrees):
    angle = numpy.radians(degrees)
    across, down = numpy.array([1.0, 0, 0]), numpy.array([0, numpy.cos(angle), -numpy.sin(angle)])
    places = [-24 * across - 32 * down + [0, 0, 3 * number] for number in range(24)]
    rows, columns = numpy.mgrid[0:64, 0:48]
    planes = []
    for place in places:
        positions = place + rows[..., None] * down + columns[..., None] * across
        planes.append(1000 * (numpy.linalg.norm(positions - CENTRE, axis=-1) < 8))
    name = f"tilt{degrees}"
    write_series(name, planes, places, down, tilt=degrees)
    volume = convert(name)["head_Tilt_1"]
    ball = numpy.argwhere(numpy.asarray(volume.dataobj) > 500).mean(0)
    found = nibabel.affines.apply_affine(volume.affine, ball) * [-1, -1, 1]
    off = float(numpy.linalg.norm(found - CENTRE))
    print(f"tilt of {degrees:+d} degrees: in head_Tilt_1 the ball lies {off:.2f} mm off its place")
    return off


one, other = tilted(15), tilted(-15)
assert one < 0.5, "to this side the correction is right"
assert 15 < other < 22, "to the other it was not"
PYTHON
