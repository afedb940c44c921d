using System.Text;
using Platter.FileSystems;
using Platter.Testing;
using Platter.Testing.Volumes;
using Platter.Trees;
using Platter.Trees.Host;
using Xunit;

namespace Platter.Tests.Trees;

/// <summary>Copies into volumes: what arrives, what is told of what does not.</summary>
public sealed class TreeCopierTests
{
    private static MemoryVolume NewVolume(MemoryVolumeOptions? options = null, long size = 64 << 20) =>
        new((options ?? new MemoryVolumeOptions()) with { TotalBytes = size });

    private static CopyReport Copy(TreeSource source, EditableVolume volume, CopyOptions? options = null, string path = "/")
    {
        using var sink = new VolumeTreeSink(volume, path);
        return TreeCopier.Copy(source, sink, options ?? new CopyOptions());
    }

    private static byte[] Bytes(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Content(Volume volume, string path)
    {
        using var stream = volume.Find(path).OpenRead();
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static string Paths(Volume volume)
    {
        using var source = VolumeTreeSource.Content(volume);
        return string.Join(' ', source.Walk().Select(e => e.Path));
    }

    [Fact]
    public void A_tree_goes_in_and_comes_out_whole()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("in/sub/deep"));
        var sizes = new[] { 0, 1, 511, 512, 4096, 65_535, 1 << 20, (1 << 20) + 1, (3 << 20) + 17 };
        foreach (var size in sizes)
            File.WriteAllBytes(folder.File($"in/sub/deep/{size}"), Bytes(size, size));
        File.CreateSymbolicLink(folder.File("in/link"), "sub/deep/1");
        Tool.Expect("ln", folder.File("in/sub/deep/512"), folder.File("in/again"));
        Tool.Expect("chmod", "640", folder.File("in/sub/deep/1"));
        Tool.Expect("touch", "-d", "2011-12-13T14:15:16.7Z", folder.File("in/sub/deep/1"), folder.File("in/sub"));

        using var volume = NewVolume();
        using (var source = HostTreeSource.Content(folder.File("in")))
        {
            var report = Copy(source, volume);
            Assert.Equal((9L, 2L, 1L, 1L), (report.Files, report.Directories, report.SymbolicLinks, report.HardLinks));
            Assert.Equal(sizes.Sum(), report.Bytes);
            Assert.Empty(report.Problems);
        }
        Assert.Equal(2, volume.Find("/again").Metadata.LinkCount);

        using (var source = VolumeTreeSource.Content(volume))
        using (var sink = new HostTreeSink(folder.File("out")))
            Assert.Empty(TreeCopier.Copy(source, sink, new CopyOptions()).Problems);
        Tool.Expect("diff", "-r", "--no-dereference", folder.File("in"), folder.File("out"));
        static string List(string path) => Tool.Run(path, (byte[]?)null, "find", ".", "-not", "-name", ".", "-printf", "%P %y %m %s %n %T@ %l\\n").Output;
        Assert.Equal(Sorted(List(folder.File("in"))), Sorted(List(folder.File("out"))));

        // A directory's own size is the host filesystem's affair, and the memory volume counts 100 ns.
        static string Sorted(string text) => string.Join('\n', text.Split('\n').Select(l => System.Text.RegularExpressions.Regex.Replace(
            l, @"^(\S+ d \S+) \d+ \d+|(\.\d{7})\d+", "$1$2")).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_fat_cannot_hold_is_dropped_and_counted()
    {
        var source = new ListedSource();
        var posix = new FileMetadata { Kind = EntryKind.File, Mode = 0x1A4, UserId = 1000, GroupId = 1000, Modified = new Timestamp(1_000_000_001, 5) };
        source.Add(null, "a", posix, identity: 7);
        source.Add(null, "again", posix, identity: 7);
        source.Add(null, "old", posix with { Modified = new Timestamp(0) });
        source.Link(null, "link", "a");
        source.Add(null, "null", new FileMetadata { Kind = EntryKind.CharacterDevice, Device = new DeviceNumber(1, 3) });
        source.Add(null, "readonly", new FileMetadata { Kind = EntryKind.File, Mode = 0x124, Modified = new Timestamp(1_000_000_000) });
        using var volume = NewVolume(MemoryVolumeOptions.LikeFat);
        var report = Copy(source, volume);
        Assert.Empty(report.Problems);
        Assert.Equal("/a /again /old /readonly", Paths(volume));
        Assert.Equal("Mode 4 /a, Owner 3 /a, SymbolicLinks 1 /link, SpecialFiles 1 /null, HardLinks 1 /again, TimesRounded 2 /a, TimesOutOfRange 1 /old",
            string.Join(", ", report.Losses.Select(l => $"{l.Kind} {l.Count} {l.FirstPath}")));
        Assert.Equal(DosAttributes.ReadOnly | DosAttributes.Archive, volume.Find("/readonly").Metadata.DosAttributes);
        Assert.Equal(new Timestamp(1_000_000_000), volume.Find("/a").Metadata.Modified);
    }

    [Fact]
    public void Names_that_the_target_cannot_tell_apart_are_problems_of_their_own()
    {
        var source = new ListedSource();
        source.File(null, "README", "1"u8.ToArray());
        source.File(null, "readme", "2"u8.ToArray());
        var docs = source.Directory(null, "Docs");
        source.File(docs, "x", []);
        var twin = source.Directory(null, "docs");
        source.File(twin, "y", []);
        var below = source.Directory(twin, "z");
        source.File(below, "w", []);
        using var volume = NewVolume(MemoryVolumeOptions.LikeFat);
        var report = Copy(source, volume);
        Assert.Equal(["/readme", "/docs"], report.Problems.Select(p => p.Path));
        Assert.All(report.Problems, p => Assert.IsType<NameCollisionException>(p.Reason));
        Assert.Equal((2L, 3L), (report.ProblemCount, report.NotReached));
        Assert.Equal("/Docs /Docs/x /README", Paths(volume));
        Assert.Equal("1"u8, Content(volume, "/README"));

        using var second = NewVolume(MemoryVolumeOptions.LikeFat);
        Assert.Throws<NameCollisionException>(() => Copy(source, second, new CopyOptions { StopAtFirstProblem = true }));
    }

    [Fact]
    public void Names_that_the_target_cannot_hold_are_problems_and_the_others_go_on()
    {
        var source = new ListedSource();
        source.File(null, "a:b", "1"u8.ToArray());
        source.File(null, "fine", "2"u8.ToArray());
        using var volume = NewVolume(MemoryVolumeOptions.LikeFat);
        var report = Copy(source, volume);
        Assert.IsType<InvalidNameException>(Assert.Single(report.Problems).Reason);
        Assert.Equal("/fine", Paths(volume));
    }

    [Theory]
    [InlineData(Overwrite.Refuse, "old", 1, 0)]
    [InlineData(Overwrite.Skip, "old", 0, 1)]
    [InlineData(Overwrite.Replace, "new", 0, 0)]
    [InlineData(Overwrite.ReplaceOlder, "new", 0, 0)]
    public void What_is_there_already_is_treated_as_asked(Overwrite overwrite, string content, int problems, int skipped)
    {
        using var volume = NewVolume();
        var first = new ListedSource();
        var dir = first.Directory(null, "dir");
        first.File(dir, "file", "old"u8.ToArray());
        Copy(first, volume);
        var second = new ListedSource();
        var twin = second.Directory(null, "dir");
        second.File(twin, "file", "new"u8.ToArray());
        second.File(twin, "more", "more"u8.ToArray());
        var report = Copy(second, volume, new CopyOptions { Overwrite = overwrite });
        Assert.Equal((problems, skipped), ((int)report.ProblemCount, (int)report.Skipped));
        Assert.Equal(content, Encoding.UTF8.GetString(Content(volume, "/dir/file")));
        Assert.Equal("/dir /dir/file /dir/more", Paths(volume));
    }

    [Fact]
    public void A_file_never_takes_the_place_of_a_directory_nor_a_directory_that_of_a_file()
    {
        using var volume = NewVolume();
        var first = new ListedSource();
        first.Directory(null, "a");
        first.File(null, "b", []);
        Copy(first, volume);
        var second = new ListedSource();
        second.File(null, "a", []);
        second.File(second.Directory(null, "b"), "c", []);
        var report = Copy(second, volume, new CopyOptions { Overwrite = Overwrite.Replace });
        Assert.Equal(["/a", "/b"], report.Problems.Select(p => p.Path));
        Assert.All(report.Problems, p => Assert.IsType<AlreadyExistsException>(p.Reason));
        Assert.Equal(1, report.NotReached);
    }

    [Fact]
    public void A_file_that_fails_half_way_is_undone_and_listed()
    {
        var source = new ListedSource();
        source.File(null, "a", Bytes(100));
        source.Liar(null, "b", Bytes(3 << 20), 5 << 20, fails: true);
        source.Liar(null, "c", Bytes(10), 200, fails: true);
        source.Liar(null, "shrunk", Bytes(3 << 20), 5 << 20);
        source.Liar(null, "shrunk small", Bytes(5), 500);
        source.File(null, "z", Bytes(100));
        using var volume = NewVolume();
        var report = Copy(source, volume);
        Assert.Equal(["/b", "/c"], report.Problems.Select(p => p.Path));
        Assert.Equal("the medium failed", report.Problems[0].Reason.Message);
        Assert.Equal("/a /shrunk /shrunk small /z", Paths(volume));
        Assert.Equal(Bytes(3 << 20), Content(volume, "/shrunk"));
        Assert.Equal(Bytes(5), Content(volume, "/shrunk small"));
        Assert.Equal((LossKind.ChangedWhileRead, 2L), (report.Losses.Single().Kind, report.Losses.Single().Count));
    }

    [Theory]
    [InlineData(3 << 20)]
    [InlineData(100_000)]
    public void A_full_volume_ends_the_copy_with_the_files_before_it_whole(int size)
    {
        var source = new ListedSource();
        for (var i = 0; i < 50; i++)
            source.File(null, $"{i:D2}", Bytes(size, i));
        using var volume = NewVolume(size: 4 << 20);
        Assert.Throws<VolumeFullException>(() => Copy(source, volume));
        var entries = volume.Root.Entries.ToList();
        Assert.Equal((4 << 20) / size, entries.Count);
        foreach (var entry in entries)
            Assert.Equal(Bytes(size, int.Parse(entry.Name)), Content(volume, "/" + entry.Name));
    }

    [Fact]
    public void A_cancelled_copy_undoes_the_file_it_was_at()
    {
        using var cancel = new CancellationTokenSource();
        var source = new ListedSource();
        source.File(null, "1", Bytes(1000));
        source.File(null, "2", Bytes(40 << 20));
        source.File(null, "3", Bytes(1000));
        using var volume = NewVolume(size: 128 << 20);
        // Half-way through the large file: the writer is no further than the reader.
        source.Reading = offset =>
        {
            if (offset >= 20 << 20)
                cancel.Cancel();
        };
        Assert.ThrowsAny<OperationCanceledException>(() => Copy(source, volume, new CopyOptions { Cancellation = cancel.Token }));
        Assert.Equal("/1", Paths(volume));
    }

    [Fact]
    public void Memory_is_bounded_however_far_the_reader_could_run_ahead()
    {
        var source = new ListedSource();
        source.File(null, "!exact", Bytes(1 << 20));
        for (var i = 0; i < 3000; i++)
            source.File(null, $"{i:D4}", Bytes(i * 37 % 20_000, i));
        using var volume = NewVolume();
        var report = Copy(source, volume, new CopyOptions { ReadAhead = 1 << 16 });
        Assert.Equal(3001, report.Files);
        Assert.Equal(Bytes(1 << 20), Content(volume, "/!exact"));
        for (var i = 0; i < 3000; i += 7)
            Assert.Equal(Bytes(i * 37 % 20_000, i), Content(volume, $"/{i:D4}"));
    }

    [Fact]
    public void Long_copies_commit_in_steps()
    {
        var source = new ListedSource();
        for (var i = 0; i < 200; i++)
            source.File(null, $"{i:D3}", Bytes(2000));
        using var volume = NewVolume();
        Copy(source, volume, new CopyOptions { CommitEvery = 4096 });
        using var reopened = volume.Reopen();
        Assert.InRange(reopened.Root.Entries.Count(), 100, 200);
    }

    [Fact]
    public void A_copy_within_one_volume_works_also_into_its_own_child()
    {
        using var volume = NewVolume();
        var source = new ListedSource();
        var a = source.Directory(null, "a");
        source.File(a, "f", Bytes(3 << 20));
        source.Directory(a, "b");
        Copy(source, volume);
        using (var within = VolumeTreeSource.Entry(volume, "/a", "copy"))
            Copy(within, volume, path: "/a/b");
        Assert.Equal("/a /a/b /a/b/copy /a/b/copy/b /a/b/copy/f /a/f", Paths(volume));
        Assert.Equal(Bytes(3 << 20), Content(volume, "/a/b/copy/f"));
    }

    [Fact]
    public void Links_can_be_replaced_by_what_they_lead_to_within_the_source()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("in/d"));
        File.WriteAllText(folder.File("in/d/real"), "real");
        File.WriteAllText(folder.File("secret"), "secret");
        File.CreateSymbolicLink(folder.File("in/good"), "d/real");
        File.CreateSymbolicLink(folder.File("in/bad"), "../secret");
        File.CreateSymbolicLink(folder.File("in/dangling"), "nowhere");
        File.CreateSymbolicLink(folder.File("in/loop"), "loop");
        Directory.CreateSymbolicLink(folder.File("in/out"), "..");
        File.CreateSymbolicLink(folder.File("in/through"), "out/secret");
        using var source = HostTreeSource.Content(folder.File("in"));
        using var volume = NewVolume(MemoryVolumeOptions.LikeFat);
        var report = Copy(source, volume, new CopyOptions { MissingLinks = MissingLinks.CopyTarget });
        Assert.Equal("/d /d/real /good", Paths(volume));
        Assert.Equal("real"u8, Content(volume, "/good"));
        Assert.Equal((5L, 1L), (report.Losses.Single(l => l.Kind == LossKind.SymbolicLinks).Count, report.Losses.Single(l => l.Kind == LossKind.SymbolicLinksCopied).Count));

        using var posix = NewVolume(MemoryVolumeOptions.LikeExt);
        Copy(source, posix);
        using var inside = VolumeTreeSource.Content(posix);
        using var second = NewVolume(MemoryVolumeOptions.LikeFat);
        Copy(inside, second, new CopyOptions { MissingLinks = MissingLinks.CopyTarget });
        Assert.Equal("/d /d/real /good", Paths(second));
    }

    [Fact]
    public void Streams_and_attributes_travel_where_the_target_has_them()
    {
        using var first = NewVolume();
        var file = first.CreateFile(first.RootId, "f", new MemoryStream(Bytes(10)), 10, MetadataChange.None);
        using (var stream = first.OpenWrite(file, StreamName.Named("side")))
            stream.Write("aside"u8);
        using (var fork = first.OpenWrite(file, StreamName.ResourceFork))
            fork.Write("fork"u8);
        first.SetExtendedAttribute(file, "user.note", [1, 2, 3]);
        using var source = VolumeTreeSource.Content(first);
        using var second = NewVolume();
        Assert.Empty(Copy(source, second).Losses);
        var copy = second.Find("/f");
        Assert.Equal([1, 2, 3], second.GetExtendedAttributes(copy.Id)["user.note"]);
        using (var stream = second.OpenRead(copy.Id, StreamName.Named("side")))
            Assert.Equal("aside", new StreamReader(stream).ReadToEnd());
        using (var stream = second.OpenRead(copy.Id, StreamName.ResourceFork))
            Assert.Equal("fork", new StreamReader(stream).ReadToEnd());

        using var fat = NewVolume(MemoryVolumeOptions.LikeFat);
        Assert.Equal([LossKind.ExtendedAttributes, LossKind.NamedStreams, LossKind.ResourceForks],
            Copy(source, fat).Losses.Select(l => l.Kind).Where(k => k is not (LossKind.TimesRounded or LossKind.Mode or LossKind.Owner)));
    }

    [Fact]
    public void A_file_longer_than_the_target_can_hold_is_a_problem_before_a_byte_is_written()
    {
        var source = new ListedSource();
        source.Liar(null, "huge", Bytes(100), 1L << 40);
        source.File(null, "small", Bytes(100));
        using var volume = NewVolume();
        var report = Copy(source, volume);
        Assert.IsType<UnsupportedFeatureException>(Assert.Single(report.Problems).Reason);
        Assert.Equal("/small", Paths(volume));
    }
}
