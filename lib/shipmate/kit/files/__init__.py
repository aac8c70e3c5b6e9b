"""Files between an API and the platform: downloads become attachments, attachments become uploads.

    names       clean and unique names of files
    transfer    one file: from an API to an attachment, and back
    pieces      uploads in several requests, which go on after an error
    store       functions of a component for an API that keeps files

Authors import the names from `shipmate.kit`.
"""
