"""One brief of two sections and three stories, written by hand in each of the four formats."""

from __future__ import annotations

import json

TEXT = """\
Tidewater Digest — 2026-03-04

Posted on March 4, 2026 at 07:05 AM

Preheader: Locks, rails & a “quiet” crane

Canals

1. Lock Keepers Publish Their Waiting Times

  • 运河日报 · 2026-03-04
  • Summary: Every lock now reports its queue — to the minute — on a public page.
  • Why It Matters: Skippers can slow down early; a 5% cut in speed saves fuel.
  • URL: 船闸排队时间上线 (https://canal.example/locks?a=1&b=2)

2. A Crane That Whispers

  • Dock Review · 2026-03-03
  • Summary: Rubber gears & new brakes halve the noise.
  • Why It Matters: Neighbours sleep; night shifts stay.
  • URL: The <quiet> crane

Rails

3. Freight Line Reopens

  • Railway Post · 2026-02-28
  • Summary: The line carries grain again after nine years.
  • Why It Matters: It takes 40,000 lorries off the coast road.
  • URL: First train since 2017 (https://rail.example/first_train_(2026))
"""

MARKDOWN = """\
# Tidewater Digest — 2026-03-04

_Posted on March 4, 2026 at 07:05 AM_

Preheader: Locks, rails & a “quiet” crane

## Canals

### 1. Lock Keepers Publish Their Waiting Times

- 运河日报 · 2026-03-04
- **Summary:** Every lock now reports its queue — to the minute — on a public page.
- **Why It Matters**: Skippers can slow down early; a 5% cut in speed saves fuel.
- **URL:** [船闸排队时间上线](https://canal.example/locks?a=1&b=2)

### 2. A Crane That *Whispers*

* Dock Review · 2026-03-03
* **Summary** Rubber gears & new brakes
  halve the noise.
* **Why It Matters:** Neighbours sleep; night shifts stay.
* **URL:** The \\<quiet> crane

Rails
-----

3. **Freight Line Reopens**

    - Railway Post · 2026-02-28
    - Summary: The line carries grain again after nine years.
    - __Why It Matters:__ It takes 40,000 lorries off the coast road.
    - URL: [First train since 2017](https://rail.example/first_train_(2026))
"""

HTML = """\
<!DOCTYPE html>
<html><head><title>Not the title</title><style>p { color: red }</style></head>
<body>
<!-- a comment with <h1>no heading</h1> -->
<h1>Tidewater Digest &mdash; 2026-03-04</h1>
<p>Posted on March 4, 2026 at 07:05 AM</p>
<p>Preheader: Locks, rails &amp; a &ldquo;quiet&rdquo; crane
<h2>Canals</h2>
<ol>
  <li><strong>Lock Keepers Publish Their Waiting Times</strong>
    <ul>
      <li>运河日报 &middot; 2026-03-04
      <li><b>Summary:</b> Every lock now reports its queue — to
          the minute — on a public page.
      <li><b>Why It Matters</b> Skippers can slow down early; a 5% cut in speed saves fuel.
      <li>URL: <a href="https://canal.example/locks?a=1&amp;b=2">船闸排队时间上线</a>
    </ul>
  <li><p>A Crane That <em>Whispers</em></p>
    <ul>
      <li><p>Dock Review · 2026-03-03</p></li>
      <li><p><span>Summary:</span> Rubber gears &amp; new brakes halve the noise.</p></li>
      <li><p>Why It Matters: Neighbours sleep; night shifts stay.</p></li>
      <li><p>URL: The &lt;quiet&gt; crane</p></li>
    </ul>
</ol>
<script>document.write("<li>4. Nothing</li>")</script>
<h2>Rails</h2>
<h3>3. Freight Line Reopens</h3>
<p>Railway Post · 2026-02-28<br>
Summary: The line carries grain again after nine years.<br/>
Why It Matters: It takes 40,000 lorries off the coast road.<br>
<![if !supportLists]>•&nbsp;<![endif]>URL: First train since 2017
  (<a href="https://rail.example/first_train_(2026)">https://rail.example/first_train_(2026)</a>)
"""

JSON = json.dumps(
    {
        "title": "Tidewater Digest — 2026-03-04",
        "date": "2026-03-04",
        "posted_at": "2026-03-04T07:05:00",
        "preheader": "Locks, rails & a “quiet” crane",
        "sections": [
            {
                "title": "Canals",
                "stories": [
                    {
                        "number": 1,
                        "headline": "Lock Keepers Publish Their Waiting Times",
                        "source": "运河日报",
                        "date": "2026-03-04",
                        "summary": "Every lock now reports its queue — to the minute — on a public page.",
                        "why_it_matters": "Skippers can slow down early; a 5% cut in speed saves fuel.",
                        "link_title": "船闸排队时间上线",
                        "url": "https://canal.example/locks?a=1&b=2",
                    },
                    {
                        "headline": "A Crane That Whispers",
                        "source": "Dock Review",
                        "date": "2026-03-03",
                        "summary": "Rubber gears & new brakes halve the noise.",
                        "why_it_matters": "Neighbours sleep; night shifts stay.",
                        "link_title": "The <quiet> crane",
                        "url": None,
                    },
                ],
            },
            {
                "title": "Rails",
                "stories": [
                    {
                        "headline": "Freight Line Reopens",
                        "source": "Railway Post",
                        "date": "2026-02-28",
                        "summary": "The line carries grain again after nine years.",
                        "why_it_matters": "It takes 40,000 lorries off the coast road.",
                        "link_title": "First train since 2017",
                        "url": "https://rail.example/first_train_(2026)",
                    }
                ],
            },
        ],
    },
    ensure_ascii=False,
)
