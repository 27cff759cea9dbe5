//! A program that runs networks: `user PACKED`, with the weights read at run time and compiled in. It prints the
//! outputs' bits, a line each.
#![deny(warnings, missing_docs)]

use std::error::Error;

const PIXELS: usize = 3 * 32 * 32;

rexnet::rexnet!(<width = 0.5, classes = 10, size = 32>);

mod deeper {
    rexnet::rexnet! {
        /// With weights in the program.
        pub(super) struct Seeded;
        width = 0.5, classes = 10, size = 32, weights = "weights/seeded.rxw",
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    rexnet::network! {
        struct InFunction;
        rexnet(width = 0.5, classes = 10, size = 32)
    }
    let path = std::env::args().nth(1).ok_or("give a file of packed weights")?;
    let input: Vec<f32> = (0..PIXELS).map(|at| (at % 255) as f32 / 255.0 - 0.5).collect();
    let input: &[f32; PIXELS] = input.as_slice().try_into()?;
    let mut output = [0.0; 10];

    // Three threads, started for each run.
    struct Scoped;
    impl rexnet_network::Threads for Scoped {
        fn count(&self) -> usize {
            3
        }
        fn run(&self, work: &(dyn Fn() + Sync)) {
            std::thread::scope(|scope| {
                scope.spawn(work);
                scope.spawn(work);
                work();
            });
        }
    }
    let mut others = vec![rexnet_network::ThreadScratch::new(); 2];

    let team = rexnet::threads::Team::new(2)?;

    let mut scratch = Rexnet::scratch();
    for version in rexnet_network::Version::ALL {
        let mut network = Rexnet::load(&path)?;
        if network.set_version(*version) {
            network.run(&mut scratch, input, &mut output);
            print(&output);
            output.fill(f32::NAN);
            network.run_on(&Scoped, &mut scratch, &mut others, input, &mut output);
            print(&output);
            output.fill(f32::NAN);
            network.run_on(&team, &mut scratch, &mut others, input, &mut output);
            print(&output);
            output.fill(f32::NAN);
            network.session().on(team.clone()).run(input, &mut output);
            print(&output);
        }
    }
    deeper::Seeded::new().run(&mut deeper::Seeded::scratch(), input, &mut output);
    print(&output);
    InFunction::from_packed(&std::fs::read(&path)?)?.run(&mut InFunction::scratch(), input, &mut output);
    print(&output);

    rexnet::rexnet! {
        struct Assembled;
        width = 0.5, classes = 10, size = 32, emit = "asm"
    }
    for version in assembled::Version::ALL {
        let mut network = Assembled::load(&path)?;
        if network.set_version(*version) {
            output.fill(f32::NAN);
            network.session().run(input, &mut output);
            print(&output);
        }
    }

    // Neither `std` nor the heap, but for the file.
    rexnet::rexnet! {
        struct Bare;
        width = 0.5, classes = 10, size = 32, std = false, weights = "weights/seeded.rxw"
    }
    static SCRATCH: std::sync::Mutex<bare::Scratch> = std::sync::Mutex::new(bare::Scratch::new());
    let mut scratch = SCRATCH.lock().map_err(|_| "the memory is poisoned")?;
    Bare::new().run(&mut scratch, input, &mut output);
    print(&output);

    // A photograph of one colour, through the crate's own library.
    let photograph = rexnet::image::Rgb8Image::new(40, 30, vec![90; 3 * 40 * 30])?;
    let network = user::Named::from_packed(&std::fs::read("weights/named.rxw")?)?;
    assert_eq!(user::classes(&network, &photograph)?.len(), 3);
    assert_eq!(user::Model::INPUT, [1, 3, 18, 18]);
    Ok(())
}

fn print(output: &[f32]) {
    let bits: Vec<String> = output.iter().map(|value| format!("{:08x}", value.to_bits())).collect();
    println!("{}", bits.join(" "));
}
