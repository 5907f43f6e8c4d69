"""Settings of the site. See https://docs.getpelican.com/en/stable/settings.html."""

import os

SITENAME = "Harbour Notes"
SITEURL = ""
AUTHOR = "The lamp keeper"
TIMEZONE = "UTC"
DEFAULT_LANG = "en"

PATH = "content"
THEME = "theme"
# Addresses without a domain: the pages work wherever the container is reached.
RELATIVE_URLS = True
DELETE_OUTPUT_DIRECTORY = True

# Of what the site is made: shown at the foot of each page.
COMMIT = os.environ.get("LONGSHORE_COMMIT", "unknown")

# A small site needs no feeds, and no list for each author, category and tag.
FEED_ALL_ATOM = None
CATEGORY_FEED_ATOM = None
TRANSLATION_FEED_ATOM = None
AUTHOR_FEED_ATOM = None
AUTHOR_FEED_RSS = None
AUTHOR_SAVE_AS = ""
CATEGORY_SAVE_AS = ""
TAG_SAVE_AS = ""
DIRECT_TEMPLATES = ["index"]
STATIC_PATHS = []
