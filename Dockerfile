# nnrep of this checkout:
#
#     docker build --tag nnrep .
#     docker run --rm --volume "$PWD:/work" nnrep                            # the README's first command
#     docker run --rm --volume "$PWD:/work" nnrep reproduce fig2 profile=smoke
#
# With optional packages: docker build --build-arg EXTRAS=cuda,dask --tag nnrep .  (and docker run --gpus all)
FROM python:3.11-slim
ARG EXTRAS=""
COPY pyproject.toml README.md LICENSE /src/
COPY nnrep /src/nnrep
COPY configs /src/configs
RUN pip install --no-cache-dir "/src${EXTRAS:+[$EXTRAS]}" && rm -rf /src
# Any user may write here: --user "$(id -u):$(id -g)" makes files yours.
RUN mkdir --mode=1777 /cache /work
ENV NNREP_CACHE=/cache MPLCONFIGDIR=/cache/matplotlib
WORKDIR /work
ENTRYPOINT ["nnrep"]
CMD ["run", "system=loop", "reparam=gnn"]
