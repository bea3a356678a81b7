"""Label maps as DICOM: a SEG by highdicom and contours (RTSTRUCT) by pydicom, in place of or beside NIfTI."""

import shutil

import numpy as np

from common import bids, nnunet, plain

REPORT = "MONAI#7055, nnUNet#1091"
RIGHT = "refused by name with the way to convert it: no scan counts as unlabelled, and no frames become a volume"
NEEDS = ["highdicom", "pydicom"]

PLANES, SIDE = 6, 8


def ct_series():
    """A CT series of phantom planes."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

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
        image.Rows, image.Columns, image.PixelSpacing, image.SliceThickness = SIDE, SIDE, [1, 1], 2
        image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 2 * number]
        image.ImageType, image.SamplesPerPixel = ["ORIGINAL", "PRIMARY", "AXIAL"], 1
        image.PhotometricInterpretation = "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
        image.PixelData = np.zeros((SIDE, SIDE), np.int16).tobytes()
        images.append(image)
    return images


def segmentation(images, path):
    """A binary SEG of two segments that overlap."""
    import highdicom
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    masks = np.zeros((PLANES, SIDE, SIDE, 2), np.uint8)
    masks[1:5, 2:6, 2:6, 0] = masks[3:5, 3:5, 3:5, 1] = 1
    segments = [
        highdicom.seg.SegmentDescription(
            segment_number=number, segment_label=name, segmented_property_category=codes.SCT.Tissue,
            segmented_property_type=codes.SCT.Kidney, algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, name in ((1, "organ"), (2, "lesion"))
    ]
    highdicom.seg.Segmentation(
        source_images=images, pixel_array=masks, segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=segments, series_instance_uid=generate_uid(), series_number=2,
        sop_instance_uid=generate_uid(), instance_number=1, manufacturer="none", manufacturer_model_name="none",
        software_versions="1", device_serial_number="1",
    ).save_as(path)


def contours(images, path):
    """An RTSTRUCT of one region, a square on each plane."""
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.sequence import Sequence
    from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = RTStructureSetStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    file.SOPClassUID, file.SOPInstanceUID = RTStructureSetStorage, meta.MediaStorageSOPInstanceUID
    file.StudyInstanceUID, file.SeriesInstanceUID = images[0].StudyInstanceUID, generate_uid()
    file.PatientName, file.PatientID, file.Modality, file.StructureSetLabel = "Phantom^", "1", "RTSTRUCT", "one"
    region = Dataset()
    region.ROINumber, region.ROIName, region.ROIGenerationAlgorithm = 1, "organ", "MANUAL"
    region.ReferencedFrameOfReferenceUID = images[0].FrameOfReferenceUID
    file.StructureSetROISequence = Sequence([region])
    planes = []
    for image in images:
        plane = Dataset()
        plane.ContourGeometricType, plane.NumberOfContourPoints = "CLOSED_PLANAR", 4
        height = image.ImagePositionPatient[2]
        plane.ContourData = [n for x, y in ((2, 2), (5, 2), (5, 5), (2, 5)) for n in (x, y, height)]
        planes.append(plane)
    drawn = Dataset()
    drawn.ReferencedROINumber, drawn.ContourSequence = 1, Sequence(planes)
    file.ROIContourSequence = Sequence([drawn])
    file.save_as(path, enforce_file_format=True)


def check(case):
    images = ct_series()
    kinds = {
        "SEG": (segmentation, "segimage2itkimage"),
        "RTSTRUCT": (contours, "dcmrtstruct2nii"),
    }
    for kind, (write, way) in kinds.items():
        file = case.folder / f"{kind}.dcm"
        write(images, file)
        for ending in (".dcm", ""):
            root = plain(case.folder / f"plain{kind}{ending}", ["a"])
            (root / "labels/a.nii.gz").unlink()
            shutil.copy(file, root / f"labels/a{ending}")
            case.refused(f"{kind} as labels/a{ending}", case.data_check(root), kind, way, f"labels/a{ending}")
            train = ["train", "--data", root, "--labels", "tissue", "--preprocess", "canonical", "--size", "16x16x16", "--depth", "10"]
            case.refused(f"a training with it{ending}", case.lacuna(*train), kind, way)
        root = nnunet(case.folder / f"nnunet{kind}")
        shutil.copy(file, root / "labelsTr/c0.dcm")
        case.refused(f"{kind} in labelsTr", case.data_check(root), kind, way)
        root = bids(case.folder / f"bids{kind}")
        one = plain(case.folder / f"one{kind}", ["a"])
        (root / "sub-1/anat").mkdir(parents=True)
        shutil.copy(one / "images/a.nii.gz", root / "sub-1/anat/sub-1_T1w.nii.gz")
        (root / "derivatives/d/sub-1/anat").mkdir(parents=True)
        shutil.copy(file, root / "derivatives/d/sub-1/anat/sub-1_dseg.dcm")
        case.refused(f"{kind} in a derivative", case.data_check(root), kind, way)
        lone = case.folder / f"lone{kind}"
        lone.mkdir()
        shutil.copy(file, lone / "IM0001")
        case.refused(f"a folder of {kind} alone", case.data_check(lone), kind, way)
