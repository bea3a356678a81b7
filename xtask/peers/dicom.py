"""CT series of a known phantom -> dcm2niix -> lacuna: are grid and voxels nibabel's, and how far are they from the DICOM files?

    python dicom.py LACUNA FOLDER

Three series of one phantom: straight, with slices at unequal gaps, and with the gantry tilted to either side. A ball of
known place is drawn by each pixel's own position. What dcm2niix writes is exported by lacuna and read back with nibabel,
which must give dcm2niix's grid and voxels. Where the ball lies in each file is a figure, not a bound: it is dcm2niix's.
Prints one JSON object.
"""

import glob
import json
import os
import shutil
import subprocess
import sys

import nibabel
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from command import lacuna

ROWS, COLUMNS = 64, 48
# Patient coordinates as DICOM has them (left, posterior, superior), in mm.
BALL, RADIUS_MM = np.array([4.0, -6, 30]), 8.0
EVEN = [3.0 * number for number in range(20)]
UNEVEN = [2.0 * number for number in range(10)] + [18 + 3.0 * number for number in range(1, 11)]


def write_series(folder, heights, tilt_degrees=0.0):
    """One file per slice; the gantry turns about x, the table moves along z."""
    os.makedirs(folder)
    angle = np.radians(tilt_degrees)
    across, down = np.array([1.0, 0, 0]), np.array([0, np.cos(angle), -np.sin(angle)])
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS]
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for number, height in enumerate(heights):
        corner = -COLUMNS / 2 * across - ROWS / 2 * down + [0, 0, height]
        positions = corner + rows[..., None] * down + columns[..., None] * across
        pixels = np.where(np.linalg.norm(positions - BALL, axis=-1) < RADIUS_MM, 1000, 10 + number)
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
        values = {
            "SOPClassUID": CTImageStorage, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID, "StudyInstanceUID": study,
            "SeriesInstanceUID": series, "FrameOfReferenceUID": frame, "PatientName": "Phantom^", "PatientID": "1",
            "StudyDate": "20240102", "SeriesDate": "20240102", "AcquisitionDate": "20240102", "StudyTime": "101112",
            "AcquisitionTime": "101112", "Modality": "CT", "Manufacturer": "GE MEDICAL SYSTEMS", "PatientPosition": "HFS",
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "SeriesDescription": "HEAD", "SeriesNumber": 2,
            "AcquisitionNumber": 1, "InstanceNumber": number + 1, "Rows": ROWS, "Columns": COLUMNS, "PixelSpacing": [1, 1],
            "SliceThickness": 3, "ImageOrientationPatient": [*across, *down], "ImagePositionPatient": list(corner),
            "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16, "BitsStored": 16,
            "HighBit": 15, "PixelRepresentation": 1, "RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "HU",
            "GantryDetectorTilt": tilt_degrees, "PixelData": pixels.astype(np.int16).tobytes(),
        }
        for name, value in values.items():
            setattr(file, name, value)
        file.save_as(f"{folder}/{number:03d}.dcm", enforce_file_format=True)


def mark_ball(image, labels):
    """A label map of the ball under the image's own header: an export asks for one."""
    os.makedirs(os.path.dirname(labels), exist_ok=True)
    volume = nibabel.load(image)
    made = nibabel.Nifti1Image((np.asarray(volume.dataobj) > 500).astype(np.uint8), None, volume.header)
    made.set_data_dtype(np.uint8)
    nibabel.save(made, labels)


def ball_off_mm(volume):
    """How far the ball's middle is from where the DICOM positions put it."""
    middle = np.argwhere(np.asarray(volume.dataobj) > 500).mean(0)
    return float(np.linalg.norm(nibabel.affines.apply_affine(volume.affine, middle) * [-1, -1, 1] - BALL))


def compared(program, folder, name):
    """dcm2niix's files of one series through lacuna, by name."""
    data = os.path.join(folder, f"{name}-data")
    os.makedirs(f"{data}/images")
    words = ["-b", "n", "-z", "y", "-f", name, "-o", f"{data}/images", os.path.join(folder, name)]
    subprocess.run([os.path.join(os.path.dirname(sys.executable), "dcm2niix"), *words], check=True, capture_output=True)
    for path in glob.glob(f"{data}/images/*.nii.gz"):
        mark_ball(path, path.replace("/images/", "/labels/"))
    problems = checked(program, data)
    figures = {}
    for path in sorted(glob.glob(f"{data}/images/*.nii.gz")):
        file = os.path.basename(path)
        source, ours = nibabel.load(path), nibabel.load(exported(program, data, file))
        apart = float(np.abs(source.affine - ours.affine).max())
        same = np.array_equal(np.asarray(source.dataobj), np.asarray(ours.dataobj))
        if apart > 1e-4 or not same:
            sys.exit(f"{name}/{file}: affines {apart} apart, voxels the same: {same}")
        faults = sorted({problem["fault"] for problem in problems if file in problem["file"]} - {"text-fields"})
        figures[file] = {"affine_max_difference": apart, "voxels_equal": same, "ball_off_mm": round(ball_off_mm(source), 2), "faults": faults}
    return figures


def exported(program, data, file):
    """What lacuna exports of one image, alone in a data set under a name that says nothing."""
    alone, out = f"{data}-{file}", f"{data}-{file}-exported"
    for part in ("images", "labels"):
        os.makedirs(f"{alone}/{part}")
        shutil.copy(f"{data}/{part}/{file}", f"{alone}/{part}/scan.nii.gz")
    lacuna(program, "data", "export", alone, "--layout", "plain", "--to", "plain", "--out", out)
    return f"{out}/images/scan.nii.gz"


def checked(program, data):
    """The problems of a data check, which ends with 4 where one is an error."""
    words = ["data", "check", data, "--layout", "plain", "--json"]
    done = subprocess.run([program, *words], capture_output=True, text=True)
    if done.returncode not in (0, 4):
        sys.exit(f"lacuna {' '.join(words)}: {done.stderr}")
    return json.loads(done.stdout)["problems"]


def main():
    program, folder = sys.argv[1:]
    series = {"straight": (EVEN, 0.0), "uneven": (UNEVEN, 0.0), "tilt_plus": (EVEN, 15.0), "tilt_minus": (EVEN, -15.0)}
    figures = {}
    for name, (heights, tilt) in series.items():
        write_series(os.path.join(folder, name), heights, tilt)
        figures[name] = compared(program, folder, name)
    for name in ("tilt_plus", "tilt_minus"):
        if "sheared-sform" not in figures[name][f"{name}.nii.gz"]["faults"]:
            sys.exit(f"{name}: the shear of the uncorrected volume is not reported")
    if figures["straight"]["straight.nii.gz"]["ball_off_mm"] > 0.5:
        sys.exit(f"the straight series is misplaced: {figures['straight']}")
    print(json.dumps(figures))


main()
