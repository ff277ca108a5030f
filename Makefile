# Every target first makes the environment it needs (nothing to do when cached).
.DEFAULT_GOAL := help
.PHONY: demo test document vignettes gallery site coverage bioccheck benchmarks setup \
  install clean help

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
	dev/run Rscript -e 'pkgdown::build_site(preview = FALSE, install = FALSE, devel = FALSE)'
	dev/run python -m pdoc --docformat numpy --output-directory site/python histobridge

coverage: install ## line coverage of the tests of both languages
	OMP_NUM_THREADS=1 dev/run python -m pytest tests/python -n 2 -q -p no:cacheprovider \
	  --cov=histobridge --cov-report=term
	dev/run Rscript dev/coverage.R

bioccheck: setup ## BiocCheck on the tarball and the sources; fails on warnings
	dev/run Rscript dev/bioccheck.R

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
	rm -rf histobridge-demo doc site .coverage *.Rcheck *.BiocCheck *.tar.gz .ruff_cache .pytest_cache \
	  .hypothesis .import_linter_cache .grimp_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
