use rexnet_codegen::driver::*;
use rexnet_codegen::jit::*;
fn main() {
    for (tier) in [Tier::Avx2] {
        let o = Options { target: tier.target(), ..Options::default() };
        for spec in std::env::args().skip(1) {
            let c = compile(&*spec, Weights::Zeros, &o).unwrap();
            for _ in 0..4 {
                let t = std::time::Instant::now();
                let m = MachineCode::compile(&c.program, tier).unwrap();
                println!(
                    "{} {spec}: {:?} {} bytes {} kernels",
                    tier.name(),
                    t.elapsed(),
                    m.code_bytes(),
                    c.program.kernels.len()
                );
                for r in m.refusals() {
                    println!("  {r:?}");
                }
            }
            println!("{:?}", c.times);
            #[cfg(target_arch = "x86_64")]
            for e in [rexnet_codegen::emit::x64::Encoding::Vex, rexnet_codegen::emit::x64::Encoding::Evex] {
                let t = if e == rexnet_codegen::emit::x64::Encoding::Vex {
                    rexnet_codegen::target::Target::AVX2
                } else {
                    rexnet_codegen::target::Target::AVX512
                };
                let c =
                    compile(&*spec, Weights::Zeros, &Options { target: t, ..Options::default() }).unwrap();
                let n = std::time::Instant::now();
                let mut total = 0;
                for k in &c.program.kernels {
                    match rexnet_codegen::emit::x64::function(k, e) {
                        Ok(f) => total += f.bytes.len(),
                        Err(x) => println!("{e:?} {}: {x}", k.name),
                    }
                }
                println!("{e:?} {:?} {total}", n.elapsed());
            }
        }
    }
}
