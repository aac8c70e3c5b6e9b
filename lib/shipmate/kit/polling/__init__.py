"""Triggers that read an API again and again, and neither lose nor repeat a record.

keyset                   records in the order of time and id
  walk · place · bound     which request is next; a place among the records; the end of a run
delta                    tokens of the API that stand for a place
counter                  a number that only grows
listing                  a whole collection, page by page
  listing_progress         what was read of it
full                     a whole list in every run
fields · answer · emission   the trigger's fields; what an API returned; messages and snapshots
"""
