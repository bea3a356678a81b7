#!/usr/bin/env bash
# A DICOM segmentation keeps one frame per segment and plane where the segment is, each with its own position. SimpleITK
# reads the file as one volume of all frames: planes that two segments share come twice, one above the other, nothing says
# which segment a frame is of, and the distance of planes is not theirs. It looks like a label map and is none.
#
# Seen with SimpleITK 2.5.7 on two segments over 8 planes of 2 mm: 9 planes 1 mm apart, of which three come twice.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 pydicom==3.0.2 highdicom==0.28.2 SimpleITK==2.5.7
cd "$place"
"$place/venv/bin/python" - <<'PYTHON'
import highdicom
import numpy
import pydicom
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

PLANES, STEP = 8, 2.0
study, series, frame = generate_uid(), generate_uid(), generate_uid()
images = []
for number in range(PLANES):
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = CTImageStorage
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, series, frame
    image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = "Phantom^", "1", "", ""
    image.StudyID, image.AccessionNumber, image.ReferringPhysicianName = "1", "", ""
    image.StudyDate, image.StudyTime, image.Modality, image.Manufacturer = "20240102", "101112", "CT", "none"
    image.SeriesNumber, image.InstanceNumber, image.PositionReferenceIndicator = 1, number + 1, ""
    image.Rows, image.Columns, image.PixelSpacing, image.SliceThickness = 16, 16, [1, 1], STEP
    image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, STEP * number]
    image.ImageType, image.SamplesPerPixel, image.PhotometricInterpretation = ["ORIGINAL", "PRIMARY", "AXIAL"], 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
    image.PixelData = numpy.zeros((16, 16), numpy.int16).tobytes()
    images.append(image)

masks = numpy.zeros((PLANES, 16, 16, 2), numpy.uint8)
masks[1:6, 4:12, 4:12, 0] = 1
masks[3:7, 6:10, 6:10, 1] = 1
segments = [
    highdicom.seg.SegmentDescription(
        segment_number=number, segment_label=name, segmented_property_category=codes.SCT.Tissue,
        segmented_property_type=codes.SCT.Kidney, algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
    )
    for number, name in ((1, "organ"), (2, "lesion"))
]
highdicom.seg.Segmentation(
    source_images=images, pixel_array=masks, segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
    segment_descriptions=segments, series_instance_uid=generate_uid(), series_number=2, sop_instance_uid=generate_uid(),
    instance_number=1, manufacturer="none", manufacturer_model_name="none", software_versions="1", device_serial_number="1",
).save_as("seg.dcm")

frames = pydicom.dcmread("seg.dcm").PerFrameFunctionalGroupsSequence
heights = [float(group.PlanePositionSequence[0].ImagePositionPatient[2]) for group in frames]
volume = SimpleITK.ReadImage("seg.dcm")
shared = sorted({height for height in heights if heights.count(height) == 2})
print(f"frames of the file lie at {heights} mm; {shared} are of both segments")
print(f"SimpleITK: {volume.GetSize()[2]} planes, {volume.GetSpacing()[2]} mm apart, values {numpy.unique(SimpleITK.GetArrayFromImage(volume)).tolist()}")

assert volume.GetSize()[2] == len(heights) == 9, "all frames became planes of one volume"
assert shared == [6.0, 8.0, 10.0], "three planes come twice"
assert volume.GetSpacing()[2] != STEP, "and the distance of planes is not theirs"
PYTHON
