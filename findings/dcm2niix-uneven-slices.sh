#!/usr/bin/env bash
# A CT series whose slices are 2 mm apart below and 3 mm above, as in heads that are scanned finer at the base. dcm2niix
# writes an interpolated NAME_Eq_1 with even slices, and also keeps NAME, whose header claims the first gap for all
# of them. Nothing in NAME shows that, and a head that is read from it ends 5 mm too low.
#
# Seen with dcm2niix 1.0.20260724: NAME ends at 18.00 mm, NAME_Eq_1 at 23.00 mm, where the last DICOM slice lies.
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



heights = [0, 2, 4, 6, 8, 11, 14, 17, 20, 23]
planes = [numpy.full((32, 28), 100 + 10 * number) for number in range(len(heights))]
write_series("uneven", planes, [(-14, -16, height) for height in heights], (0, 1, 0))
ends = {}
for name, volume in convert("uneven").items():
    last = nibabel.affines.apply_affine(volume.affine, [0, 0, volume.shape[2] - 1])[2]
    ends[name] = round(float(last), 2)
    print(f"{name}: {volume.shape[2]} slices {volume.header.get_zooms()[2]:.3f} mm apart, the last at {last:.2f} mm; in the DICOM files {heights[-1]}")

assert ends == {"head": 18.0, "head_Eq_1": 23.0}, "the plain file kept the first gap everywhere"
PYTHON
