#!/usr/bin/env bash
# Writes what runs Steward, each package with its version and its hashes, as a CycloneDX document:
# scripts/sbom.sh [FILE]. It reads the lock alone, and asks nobody.
set -euo pipefail
cd "$(dirname "$0")/.."

file=${1:-build/sbom.json}
mkdir -p "$(dirname "$file")"
# The lock does not say who needs whom, of which the library would warn.
PYTHONWARNINGS=ignore cyclonedx-py requirements requirements.txt --pyproject pyproject.toml \
  --mc-type application --spec-version 1.6 --output-reproducible --output-file "$file"
# A component's description is the lock's own line, and its id the number of that line. Neither says
# what it is.
python - "$file" <<'END'
import json
import sys
from pathlib import Path

file = Path(sys.argv[1])
bill = json.loads(file.read_text())
ids = {each["bom-ref"]: each["purl"] for each in bill["components"]}
for each in bill["components"]:
    del each["description"]
    each["bom-ref"] = ids[each["bom-ref"]]
for each in bill.get("dependencies", ()):
    each["ref"] = ids.get(each["ref"], each["ref"])
    if "dependsOn" in each:
        each["dependsOn"] = [ids.get(ref, ref) for ref in each["dependsOn"]]
file.write_text(json.dumps(bill, indent=2) + "\n")
END
echo "sbom: $file"
