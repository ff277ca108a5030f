# Every target first makes the environment it needs (nothing to do when cached).
.DEFAULT_GOAL := help
.PHONY: demo test document vignettes gallery site coverage bioccheck cran wheel benchmarks \
  setup install clean help

demo: install ## the main job on the shipped sample; writes histobridge-demo/report.html
	dev/run Rscript dev/demo.R

test: setup ## lint, types, Python tests, R CMD build and check; ends with the counts
	@dev/test.sh

document: setup ## write NAMESPACE and man/ from the roxygen comments
	dev/run Rscript -e 'roxygen2::roxygenise()'

vignettes: install ## render the vignettes into doc/
	dev/run Rscript -e 'for (f in Sys.glob("vignettes/*.Rmd")) rmarkdown::render(f, output_dir = "doc")'

gallery: install ## draw the pictures of the README gallery into man/figures/
	dev/run python dev/gallery.py

site: install ## the documentation site of both languages, in site/
	dev/run Rscript dev/site.R
	dev/run python dev/site.py

coverage: install ## line coverage of the tests of both languages, into coverage.csv
	OMP_NUM_THREADS=1 dev/run python -m pytest tests/python -n 2 -q -p no:cacheprovider \
	  --cov=histobridge --cov-report=term --cov-report=json:coverage.json
	dev/run python dev/coverage_table.py coverage.json
	OMP_NUM_THREADS=1 dev/run Rscript dev/coverage.R

bioccheck: setup ## BiocCheck on the tarball and the sources; fails on warnings
	dev/run Rscript dev/bioccheck.R

cran: setup ## R CMD check --as-cran; fails on what this machine does not force
	@dev/cran.sh

wheel: setup ## wheel and source distribution, each installed and tried outside the checkout
	@dev/wheel.sh

benchmarks: install ## run every dev/benchmarks/*.py and *.R; each writes a table into results/
	@set -e; for script in $(sort $(wildcard dev/benchmarks/*.py dev/benchmarks/*.R)); do \
	  echo "== $$script"; \
	  case $$script in *.py) dev/run python $$script ;; *.R) dev/run Rscript $$script ;; esac; \
	done

setup: ## make the environment (R, Bioconductor, Python) in the cache folder
	@dev/setup.sh

install: setup ## install the R package into this checkout's library
	@dev/install.sh

clean: ## remove what the targets above wrote into the checkout (not the cache)
	rm -rf histobridge-demo doc site .coverage coverage.json *.Rcheck *.BiocCheck *.tar.gz .ruff_cache .pytest_cache \
	  .hypothesis .import_linter_cache .grimp_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
