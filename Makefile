# make demo        draw pictures, search them, retrain the winner
# make test        run the tests
# make lint        check style, types and import directions
# make examples    search the example pictures and write reports/examples anew
# make screenshot  the picture in the README, of one of these reports (needs Chromium)
# make clean       remove the environment and everything built
#
# All of them make the environment .venv first, with the versions in .ci/constraints.txt.

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt

export PYTHON

.PHONY: demo test lint examples screenshot clean

demo: $(VENV)/installed
	$(BIN)/autosmall demo

test: $(VENV)/installed-test
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(VENV)/installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy autosmall
	$(BIN)/lint-imports

examples: $(VENV)/installed
	$(BIN)/python reports/examples/make.py

screenshot: $(VENV)/installed-test
	$(BIN)/python reports/examples/screenshot.py

$(VENV)/installed: pyproject.toml .ci/constraints.txt | $(BIN)/python
	@echo "installing AutoSmall into $(VENV) (about 3 GB, a few minutes the first time)"
	$(INSTALL) --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(INSTALL) --editable '.[test]'
	@touch $@

$(VENV)/installed-lint: $(VENV)/installed-test
	$(INSTALL) --editable '.[test,lint]'
	@touch $@

$(BIN)/python:
	@sh .ci/make-venv $(VENV)

clean:
	rm -rf $(VENV) build dist
