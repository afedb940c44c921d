using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Images;

/// <summary>Every two options of a format together in some image, whoever makes it: filled, read, edited by both, and judged by qemu-img after each.</summary>
public sealed class QemuOptionTests(ITestOutputHelper output)
{
    public static TheoryData<string> Formats => [.. OptionSpace.OfQemu.Select(s => s.Format)];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Any_two_options_of_qemus_come_together(string format) => Try(OptionSpace.OfQemu, format, 2);

    [Theory]
    [MemberData(nameof(Formats))]
    public void Any_two_options_of_Platters_come_together(string format) => Try(OptionSpace.OfPlatter, format, 2);

    [Theory(Explicit = true)]
    [MemberData(nameof(Formats))]
    public void Any_three_options_of_qemus_come_together(string format) => Try(OptionSpace.OfQemu, format, 3);

    [Theory(Explicit = true)]
    [MemberData(nameof(Formats))]
    public void Any_three_options_of_Platters_come_together(string format) => Try(OptionSpace.OfPlatter, format, 3);

    private void Try(IReadOnlyList<OptionSpace> spaces, string format, int strength)
    {
        var space = spaces.Single(s => s.Format == format);
        var failures = new List<string>();
        var rows = space.Rows(strength).ToList();
        foreach (var (index, row) in rows.Index())
        {
            using var folder = new TempFolder();
            try
            {
                new Trial(space, row, folder, index + 1).Run();
            }
            catch (Exception e)
            {
                failures.Add($"{row}:\n{e}");
            }
        }
        output.WriteLine($"{format} made by {(space.Maker is null ? "qemu" : "Platter")}: {rows.Count} images, any {strength} options together");
        Assert.True(failures.Count == 0, $"{failures.Count} of {rows.Count} failed\n{string.Join("\n\n", failures.Take(8))}");
        Assert.NotEmpty(rows);
    }

    private sealed class Trial(OptionSpace space, OptionRow row, TempFolder folder, int seed)
    {
        private const int PerTurn = 25;

        private readonly string _path = folder.File("image"), _raw = folder.File("raw");

        // Written from start to end, or in parts that Platter reads only.
        private bool CanEdit => row["subformat"] is not ("streamOptimized" or "twoGbMaxExtentSparse");
        private bool QemuCanEdit => row["subformat"] != "streamOptimized";

        internal void Run()
        {
            var size = int.Parse(row["+size"]);
            var basis = MakeBase(size);
            var model = new byte[size];
            basis.AsSpan(0, Math.Min(size, basis.Length)).CopyTo(model);
            if (row.Has("+fill", "edit"))
            {
                Make(model.Length);
                model = Grown(model);
                new QemuDuet(_path, model, seed, space.Format).LetQemu(PerTurn);
            }
            else
            {
                Content(model);
                File.WriteAllBytes(_raw, model);
                Convert();
                model = Grown(model);
            }
            var duet = new QemuDuet(_path, model, seed + 1000, space.Format);
            if (CanEdit)
            {
                QemuJudge.AssertSound(_path);
                duet.LetPlatter(PerTurn);
            }
            duet.Verify(folder);
            if (QemuCanEdit)
            {
                duet.LetQemu(PerTurn);
                QemuJudge.AssertSound(_path);
                QemuJudge.AssertReads(_path, model);
            }
            if (row["+data"] == "raw")
            {
                var alone = File.ReadAllBytes(folder.File("data"));
                Assert.True(alone.AsSpan().CommonPrefixLength(model) == model.Length, "the raw data file alone is another disk");
            }
            if (basis.Length > 0)
                Tool.Expect("qemu-img", "compare", "-f", BaseFormat, "-F", "raw", folder.File("base"), folder.File("basis"));
        }

        private string BaseFormat => row["+base"] switch { "raw" or "short" => "raw", "long" => "qcow2", var other => other };

        private byte[] MakeBase(int size)
        {
            if (row["+base"] is "none" or "")
                return [];
            var basis = new byte[row["+base"] switch { "short" => size * 2 / 3 / 512 * 512 + 512, "long" => size + (1 << 20), _ => size }];
            new Random(seed).NextBytes(basis.AsSpan(basis.Length / 5, basis.Length / 2));
            File.WriteAllBytes(folder.File("basis"), basis);
            Tool.Expect("qemu-img", "convert", "-f", "raw", "-O", BaseFormat, folder.File("basis"), folder.File("base"));
            return basis;
        }

        // Over whatever the base has there: random bytes, text, zeros.
        private void Content(byte[] model)
        {
            var random = new Random(seed + 500);
            for (var i = 0; i < 12; i++)
            {
                var at = random.Next(model.Length);
                var part = model.AsSpan(at, Math.Min(model.Length - at, random.Next(1, i < 4 ? 900_000 : 9000)));
                if (i % 3 == 0)
                    random.NextBytes(part);
                else
                    part.Fill(i % 3 == 1 ? (byte)('a' + i) : (byte)0);
            }
        }

        // A disk of whole cylinders, or of whole MiB, is longer than it was asked to be.
        private byte[] Grown(byte[] model)
        {
            using var image = ImageFile.Open(_path, ImageAccess.Read);
            var length = (int)image.Device.Length;
            Assert.InRange(length, model.Length, model.Length + (1 << 20));
            Assert.True(length == model.Length || space.Format == "vpc");
            Array.Resize(ref model, length);
            return model;
        }

        private void Make(int size)
        {
            if (space.Maker is null)
            {
                Tool.Expect("qemu-img", ["create", "-q", "-f", space.Format, .. QemuOptions(), .. Over("-b"), _path, $"{size}"]);
                return;
            }
            using var parent = Parent();
            using var image = NewImage.Create(_path, size, new NewImageOptions { Format = ContainerFormat.FromName(space.Maker), Container = Options(parent) });
            image.Complete();
        }

        private void Convert()
        {
            var compress = row.Has("+fill", "compress");
            if (space.Maker is null)
            {
                Tool.Expect("qemu-img", ["convert", .. compress ? new[] { "-c" } : [], "-f", "raw", "-O", space.Format, .. QemuOptions(), .. Over("-B"), _raw, _path]);
                return;
            }
            using var parent = Parent();
            using var source = HostFile.Open(_raw, FileAccess.Read);
            ImageConverter.ToNewImage(source, _path, new ConvertOptions { Format = ContainerFormat.FromName(space.Maker), Container = Options(parent), Compress = compress });
        }

        private string[] QemuOptions()
        {
            var options = row.Settings.Select(s => $"{s.Name}={s.Value}").ToList();
            if (row["+data"] is "file" or "raw")
                options.Add($"data_file={folder.File("data")}");
            if (row.Has("+data", "raw"))
                options.Add("data_file_raw=on");
            return ["-o", string.Join(',', options)];
        }

        private string[] Over(string option) => row["+base"] is "none" or "" ? [] : [option, folder.File("base"), "-F", BaseFormat];

        private Container? Parent() => row["+base"] is "none" or "" ? null : Container.Open(HostFile.Open(folder.File("base"), FileAccess.Read), ImageNeighbours.Of(folder.File("base")), ownsHost: true);

        private ContainerOptions Options(Container? parent) => new()
        {
            Settings = row.Settings.ToDictionary(s => s.Name, s => s.Value, StringComparer.Ordinal), Parent = parent, ParentReference = parent is null ? null : "base", WholeMebibytes = seed % 2 == 0,
        };
    }
}
