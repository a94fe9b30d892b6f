# nix-build -E '(import <nixpkgs> {}).callPackage ./packaging/nix/package.nix {}'
# Static binaries, for an initramfs: pkgsStatic instead of the last {}, in front of callPackage.
{
  lib,
  rustPlatform,
  pkg-config,
  stdenv,
  xz,
  zstd,
}:

rustPlatform.buildRustPackage {
  pname = "rust-modutils";
  version = "0.1.0";

  src = lib.cleanSource ../..;
  cargoLock.lockFile = ../../Cargo.lock;

  nativeBuildInputs = [ pkg-config ];
  buildInputs = [
    xz
    zstd
  ];

  # The Makefile knows how the commands are built and where everything goes.
  buildPhase = ''
    runHook preBuild
    make TRIPLE=${stdenv.hostPlatform.rust.rustcTarget} CARGOFLAGS=--offline \
      LINK=${if stdenv.hostPlatform.isStatic then "static" else "dynamic"}
    runHook postBuild
  '';
  # The tests need a kernel to boot and module files of this machine.
  doCheck = false;
  installPhase = ''
    runHook preInstall
    make install PREFIX=$out SBINDIR=$out/bin
    runHook postInstall
  '';

  doInstallCheck = true;
  installCheckPhase = ''
    $out/bin/insmod --version | grep -F 'insmod (modutils)'
  '';

  meta = {
    description = "insmod, rmmod and lsmod that explain failures and wait";
    license = with lib.licenses; [
      mit
      asl20
    ];
    platforms = lib.platforms.linux;
    mainProgram = "insmod";
    # Beside kmod in one environment, these three commands are ours.
    priority = 4;
  };
}
