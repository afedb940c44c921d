using System.Globalization;
using Platter.Fuzz;
using Platter.Fuzz.Targets;

const string usage = """
    usage: Platter.Fuzz [--seconds N] [--cases N] [--each N] [--target NAME] [--seed N]
           Platter.Fuzz --reproduce TARGET:SEED
    Feeds mutated images to the library. docs/fuzzing.md says what is tried and what counts as a finding.
    """;

FuzzTarget[] targets =
[
    new PartitionTarget("mbr"), new PartitionTarget("gpt"), new PartitionTarget("apm"),
    new VhdTarget(), new SparseVhdTarget("vhd"), new SparseVhdTarget("vhdx"),
    new SpecTarget(),
    new TarTarget(),
    new FatTarget("fat12"), new FatTarget("fat16"), new FatTarget("fat32"), new FatTarget("fat-corpus"),
    new ExFatTarget("exfat"), new ExFatTarget("exfat-corpus"),
    new JournalTarget(),
    new ExtractTarget(),
    new HostileTreeTarget(),
    new ExtTarget("ext"), new ExtTarget("ext-corpus"), new ExtEditTarget(),
    new NtfsTarget(), new NtfsCheckTarget(), new NtfsIndexEditTarget(), new NtfsEditTarget(), new NtfsRepairTarget(), new NtfsResizeTarget(), new NtfsSecureTarget(), new NtfsCodecTarget("lznt1"), new NtfsCodecTarget("xpress"), new NtfsCodecTarget("lzx"),
    new Qcow2Target(),
    new ContainerTarget("vmdk"), new ContainerTarget("vdi"), new ContainerTarget("compressed"),
];
var options = new FuzzOptions { Seed = Random.Shared.Next() };
try
{
    for (var i = 0; i < args.Length; i += 2)
    {
        var value = i + 1 < args.Length ? args[i + 1] : throw new FormatException($"{args[i]} needs a value");
        switch (args[i])
        {
            case "--seconds": options = options with { Seconds = Number(value) }; break;
            case "--cases": options = options with { Cases = Number(value) }; break;
            case "--each": options = options with { Each = Number(value) }; break;
            case "--seed": options = options with { Seed = Number(value) }; break;
            case "--target": targets = [Find(value)]; break;
            case "--reproduce":
                var parts = value.Split(':');
                return FuzzRun.Reproduce(Find(parts[0]), Number(parts.Length == 2 ? parts[1] : throw new FormatException($"'{value}' is not TARGET:SEED")));
            default: throw new FormatException($"no such option: {args[i]}");
        }
    }
}
catch (FormatException e)
{
    Console.Error.WriteLine($"Platter.Fuzz: {e.Message}\n{usage}");
    return 2;
}
return new FuzzRun(targets, options).Run();

int Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new FormatException($"'{text}' is not a number");

FuzzTarget Find(string name) => targets.FirstOrDefault(t => t.Name == name) ?? throw new FormatException($"no target is called '{name}'; there are {string.Join(", ", targets.Select(t => t.Name))}");
